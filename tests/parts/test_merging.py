"""Merged parts, beside what one writer writes."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import OutputError
from common_ml.parts import FolderParts, PartKey, merge
from common_ml.tagging.messages import Error, Tag
from common_ml.tagging.wire import Writer, read_messages
from tests.parts.made_messages import messages_of

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from common_ml.parts import PartsStore
    from common_ml.tagging.messages import Message

TEXTS = st.text(st.characters(codec="utf-8"), max_size=3000)


@given(st.lists(st.lists(TEXTS, max_size=8), min_size=1, max_size=6), st.randoms())
def test_merged_parts_are_the_bytes_of_one_writer(
    texts: list[list[str]], chance: random.Random
) -> None:
    """Whatever order they were written in: padding depends on the place in the file."""
    files = {f"{number}.mp4": texts_of for number, texts_of in enumerate(texts)}
    with tempfile.TemporaryDirectory() as folder:
        plain, merged = Path(folder) / "plain.jsonl", Path(folder) / "merged.jsonl"
        with Writer(plain) as writer:
            for file, texts_of in files.items():
                for message in messages_of(file, *texts_of):
                    writer.write(message)
        parts = FolderParts(Path(folder) / "parts")
        for file in chance.sample(list(files), len(files)):
            parts.commit(PartKey(file), messages_of(file, *files[file]))
        result = merge(parts, [PartKey(file) for file in files], merged)

        assert merged.read_bytes() == plain.read_bytes()
        assert result.num_parts == len(files)
        assert result.num_tags == sum(map(len, texts))
        assert result.missing == ()


def test_a_merge_says_what_is_missing_and_replaces_whole(parts: PartsStore, tmp_path: Path) -> None:
    output = tmp_path / "tags.jsonl"
    output.write_text("earlier\n")
    parts.commit(PartKey("b.mp4"), messages_of("b.mp4", "dog"))

    result = merge(parts, [PartKey("a.mp4"), PartKey("b.mp4")], output)

    assert result.missing == ("a.mp4",)
    assert list(read_messages(output)) == messages_of("b.mp4", "dog")
    assert not list(tmp_path.glob(".*merging"))


def test_no_keys_make_an_empty_file(tmp_path: Path) -> None:
    result = merge(FolderParts(tmp_path / "parts"), [], tmp_path / "tags.jsonl")
    assert (result.num_parts, result.num_tags, result.missing) == (0, 0, ())
    assert (tmp_path / "tags.jsonl").read_bytes() == b""


def test_the_note_of_a_failure_is_merged_as_a_part_is(tmp_path: Path) -> None:
    parts = FolderParts(tmp_path / "parts")
    failure: list[Message] = [Tag(0, 1, "cat", "a.mp4"), Error("too dark", "a.mp4")]
    parts.commit(PartKey("a.mp4"), failure)
    parts.commit(PartKey("b.mp4"), messages_of("b.mp4", "dog", "cow"))
    said: list[Message] = []

    keys = [PartKey(name) for name in ("b.mp4", "c.mp4", "a.mp4", "d.mp4")]
    result = merge(parts, keys, tmp_path / "tags.jsonl", on_message=said.append)

    expected = [*messages_of("b.mp4", "dog", "cow"), *failure]
    assert said == list(read_messages(tmp_path / "tags.jsonl")) == expected
    assert (result.num_parts, result.num_tags) == (2, 3)
    assert result.missing == ("c.mp4", "d.mp4")


def test_parts_of_another_revision_are_not_merged(tmp_path: Path) -> None:
    parts = FolderParts(tmp_path / "parts")
    parts.commit(PartKey("a.mp4", revision="1"), messages_of("a.mp4", "cat"))
    result = merge(parts, [PartKey("a.mp4", revision="2")], tmp_path / "tags.jsonl")
    assert result.missing == ("a.mp4",)


def test_a_merge_that_ends_early_leaves_the_earlier_output(tmp_path: Path) -> None:
    parts = FolderParts(tmp_path / "parts")
    parts.commit(PartKey("a.mp4"), messages_of("a.mp4", "cat"))
    (tmp_path / "tags.jsonl").write_text("earlier\n")

    def interrupted(_: Message) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(parts, [PartKey("a.mp4")], tmp_path / "tags.jsonl", on_message=interrupted)
    assert (tmp_path / "tags.jsonl").read_text() == "earlier\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts", "tags.jsonl"]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("file/tags.jsonl", "opened: Not a directory"),
        ("none/tags.jsonl", "opened: No such file or directory"),
        ("folder", "replaced: Is a directory"),
    ],
)
def test_an_output_that_cannot_be_written_is_named(
    tmp_path: Path, output: str, expected: str
) -> None:
    """By the name that the user knows; nothing is left beside it."""
    parts = FolderParts(tmp_path / "parts")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError) as caught:
        merge(parts, [], tmp_path / output)
    said = str(caught.value)
    assert said.startswith(f"the output file {tmp_path / output} cannot be {expected}")
    assert caught.value.errno in (errno.ENOTDIR, errno.ENOENT, errno.EISDIR)
    assert str(caught.value.path) == str(tmp_path / output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "parts"]


def test_parts_that_cannot_be_read_are_named_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cause = OutputError("a part cannot be read from s3://b/p: no route", path="s3://b/p")

    def fails(_: PartKey) -> Iterator[Message]:
        raise cause

    parts = FolderParts(tmp_path / "parts")
    monkeypatch.setattr(parts, "read", fails)
    with pytest.raises(OutputError) as caught:
        merge(parts, [PartKey("a.mp4")], tmp_path / "tags.jsonl")
    assert caught.value is cause
    assert not (tmp_path / "tags.jsonl").exists()
