"""Parts in a folder and in an object store: created once, read, merged."""

from __future__ import annotations

import http.client
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import OutputError
from common_ml.parts import FolderParts, PartKey, merge, open_parts, params_digest
from common_ml.parts.folder import WRITING_FOLDER
from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.wire import Writer, read_messages
from tests.s3_server import S3Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.parts import PartsStore


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """A server that speaks S3, in this process."""
    server = S3Server()
    yield server.url
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def parts(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PartsStore:
    if request.param == "folder":
        return open_parts(tmp_path / "parts")
    endpoint = request.getfixturevalue("s3_endpoint")
    bucket = f"parts-{time.monotonic_ns()}"
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
    connection.request("PUT", f"/{bucket}")
    assert connection.getresponse().status == 200
    connection.close()
    for name, value in (
        ("AWS_ENDPOINT", endpoint),
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ALLOW_HTTP", "true"),
    ):
        monkeypatch.setenv(name, value)
    return open_parts(f"s3://{bucket}/run-7")


def messages_of(file: str, *texts: str) -> list[Message]:
    return [*(Tag(0, 1, text, file) for text in texts), Progress(file)]


def test_a_part_is_created_once(parts: PartsStore) -> None:
    key = PartKey("a.mp4", revision="sha256:1", params=params_digest({"fps": 2}))
    assert not parts.has(key)

    assert parts.commit(key, messages_of("a.mp4", "cat"))
    assert not parts.commit(key, messages_of("a.mp4", "dog"))

    assert parts.has(key)
    assert list(parts.read(key)) == messages_of("a.mp4", "cat")


def test_of_many_who_commit_one_wins(parts: PartsStore) -> None:
    key = PartKey("a.mp4")
    barrier = threading.Barrier(6)
    won: list[str] = []

    def commit(text: str) -> None:
        with parts.writer(key) as writer:
            for message in messages_of("a.mp4", text):
                writer.write(message)
            barrier.wait()
            if writer.commit():
                won.append(text)

    threads = [threading.Thread(target=commit, args=[str(number)]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    (winner,) = won
    assert list(parts.read(key)) == messages_of("a.mp4", winner)


def test_a_failure_is_a_note_that_a_part_replaces(parts: PartsStore) -> None:
    key, other = PartKey("a.mp4"), PartKey("b.mp4")
    failure = [Tag(0, 1, "cat", "a.mp4"), Error("too dark", "a.mp4")]
    assert parts.commit(key, failure)
    assert parts.commit(key, failure)  # and again

    assert not parts.has(key)
    assert parts.states([key, other]) == {key: "failed", other: "missing"}
    assert list(parts.read(key)) == failure

    assert parts.commit(key, messages_of("a.mp4", "cat"))
    assert parts.states([key]) == {key: "done"}
    assert list(parts.read(key)) == messages_of("a.mp4", "cat")

    parts.delete(key)
    assert parts.states([key]) == {key: "missing"}
    with pytest.raises(FileNotFoundError):
        list(parts.read(key))


def test_a_writer_that_leaves_early_leaves_nothing(parts: PartsStore, tmp_path: Path) -> None:
    key = PartKey("a.mp4")
    with parts.writer(key) as writer:
        writer.write(Tag(0, 1, "cat", "a.mp4"))
    assert not parts.has(key)
    assert not list(tmp_path.glob("parts/.writing/*"))


def test_a_restart_drops_what_was_written(parts: PartsStore) -> None:
    key = PartKey("a.mp4")
    with parts.writer(key) as writer:
        writer.write(Tag(0, 1, "x" * 10_000, "a.mp4"))
        writer.write(Error("the tagger died", "a.mp4"))
        writer.restart()
        for message in messages_of("a.mp4", "cat"):
            writer.write(message)
        assert writer.num_messages == 2
        assert writer.commit()
    assert list(parts.read(key)) == messages_of("a.mp4", "cat")


TEXTS = st.text(st.characters(codec="utf-8"), max_size=3000)


@given(st.lists(st.lists(TEXTS, max_size=8), min_size=1, max_size=6), st.randoms())
def test_merged_parts_are_the_bytes_of_one_writer(texts: list[list[str]], random: object) -> None:
    """Whatever order they were written in: padding depends on the place in the file."""
    import random as random_module
    import tempfile
    from pathlib import Path

    assert isinstance(random, random_module.Random)
    files = {f"{number}.mp4": texts_of for number, texts_of in enumerate(texts)}
    with tempfile.TemporaryDirectory() as folder:
        plain, merged = Path(folder) / "plain.jsonl", Path(folder) / "merged.jsonl"
        with Writer(plain) as writer:
            for file, texts_of in files.items():
                for message in messages_of(file, *texts_of):
                    writer.write(message)
        parts = FolderParts(Path(folder) / "parts")
        for file in random.sample(list(files), len(files)):
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


def test_keys_differ_in_each_of_their_values() -> None:
    keys = [
        PartKey("a"),
        PartKey("b"),
        PartKey("a", revision="b"),
        PartKey("a", params="b"),
        PartKey("a", fence=1),
        PartKey("a", fence=2),
        PartKey("a\udcff"),
    ]
    assert len({key.name for key in keys}) == len(keys)
    assert params_digest({"a": 1, "b": 2}) == params_digest({"b": 2, "a": 1})
    assert params_digest({}) != params_digest(None) == ""


def test_what_a_killed_writer_left_is_removed_after_a_week(tmp_path: Path) -> None:
    parts = FolderParts(tmp_path)
    old, new = (tmp_path / WRITING_FOLDER / f".part-{name}.tmp" for name in ("old", "new"))
    old.touch()
    new.touch()
    os.utime(old, (0, 0))

    assert parts.clean_up() == 1
    assert not old.exists()
    assert new.exists()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"the folder of parts .* cannot be created: Not a dir"):
        open_parts(tmp_path / "file" / "parts")


def test_a_file_system_without_links_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OutputError, match="no hard links; hint: choose another folder"):
        FolderParts(tmp_path).commit(PartKey("a.mp4"), messages_of("a.mp4"))
