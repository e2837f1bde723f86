"""Going on where an earlier run ended: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import OutputError
from common_ml.tagging.daemon.loop import run_loop
from common_ml.tagging.messages import Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer
from common_ml.tagging.tags_file.resume import ResumeState, warn_of_other_params
from common_ml.tagging.wire import Writer, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Counts(AVModel):
    """Three tags a file; remembers which files it was given."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def tag(self, fpath: str) -> list[Tag]:
        self.seen.append(fpath)
        return [Tag(tag=f"{fpath} {number}") for number in range(3)]


def run(output: Path, files: list[str], *, resume: bool = True) -> Counts:
    model = Counts()
    run_loop(
        TagMessageProducer.from_model(model),
        stdin=[f"{file}\n" for file in files],
        output_path=output,
        batch_timeout=0.0,
        batch_limit=None,
        options=SdkOptions(resume=resume, continue_on_error=True),
    )
    return model


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "tags.jsonl"


def whole_output(files: list[str], folder: Path) -> bytes:
    """What an undisturbed run writes."""
    path = folder / "undisturbed.jsonl"
    run(path, files, resume=False)
    content = path.read_bytes()
    path.unlink()
    return content


def test_a_finished_file_is_not_tagged_again(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run(output, ["a", "b"])
    before = output.read_bytes()
    model = run(output, ["a", "b", "c"])
    assert model.seen == ["c"]
    assert output.read_bytes().startswith(before)
    assert "skipped, an earlier run has finished it: a" in caplog.text


def test_without_an_earlier_run_there_is_nothing_to_resume(output: Path) -> None:
    assert run(output, ["a"]).seen == ["a"]


def test_without_the_key_all_is_tagged_and_appended(output: Path) -> None:
    run(output, ["a"], resume=False)
    once = output.read_bytes()
    assert run(output, ["a"], resume=False).seen == ["a"]
    assert output.read_bytes() == once + once


def test_wherever_the_earlier_run_was_cut_the_result_is_the_same(
    output: Path, tmp_path: Path
) -> None:
    """Every length of the earlier output, torn lines included."""
    files = ["a", "b"]
    whole = whole_output(files, tmp_path)
    for length in range(len(whole) + 1):
        output.write_bytes(whole[:length])
        run(output, files)
        assert output.read_bytes() == whole, length


def test_a_torn_last_line_is_ended_where_nothing_is_resumed(output: Path) -> None:
    output.write_bytes(b'{"type":"tag","da')
    run(output, ["a"], resume=False)
    torn, *whole = output.read_bytes().splitlines(keepends=True)
    assert torn == b'{"type":"tag","da\n'
    assert [json.loads(line)["type"] for line in whole] == ["tag", "tag", "tag", "progress"]


def test_lines_that_are_no_messages_are_passed_over(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    output.write_bytes(b'not json\n{"type":"strange","data":{}}\n' + encode(Progress("a")))
    assert run(output, ["a", "b"]).seen == ["b"]
    assert caplog.text.count("skipped: ") == 2


def test_a_file_that_failed_is_tried_again(output: Path) -> None:
    output.write_bytes(b'{"type":"error","data":{"message":"no","source_media":"a"}}\n')
    assert run(output, ["a"]).seen == ["a"]


def test_a_producer_is_not_even_asked_about_finished_files(output: Path) -> None:
    output.write_bytes(encode(Progress("a")))
    batches: list[list[str]] = []

    class Done(TagMessageProducer):
        def produce(self, files: list[str]) -> Iterator[Message]:
            batches.append(files)
            return (Progress(file) for file in files)

    for files in (["a"], ["a", "b"]):
        run_loop(
            Done(),
            stdin=[f"{file}\n" for file in files],
            output_path=output,
            batch_timeout=3600.0,
            batch_limit=None,
            options=SdkOptions(resume=True),
        )
    assert batches == [["b"]]


def test_what_cannot_be_read_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot resume from .*: Is a directory"):
        ResumeState.of(tmp_path)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.lists(
        st.builds(
            Tag,
            start_time=st.just(0),
            end_time=st.integers(0, 10**12),
            tag=st.text(),
            source_media=st.just("a"),
            additional_info=st.none() | st.dictionaries(st.text(), values),
            vector=st.none() | st.lists(st.floats(width=32)),
        )
    )
)
def test_every_tag_that_was_written_is_known_again(
    tmp_path_factory: pytest.TempPathFactory, tags: list[Tag]
) -> None:
    path = tmp_path_factory.mktemp("past") / "tags.jsonl"
    with Writer(path) as writer:
        for tag in tags:
            writer.write(tag)
    past = ResumeState.of(path)
    assert all(past.has(tag) for tag in tags)
    assert not past.has(Tag(tag="x", end_time=10**13, source_media="a"))


@pytest.mark.parametrize(
    "content",
    [
        b'{"annotations": []}',
        b'{"annotations": []}\n',
        b"\x1f\x8b\x08\x00" + bytes(5000),
        b"\x00\x00\x00\x20ftypisom" + bytes(100_000),
        b"a text\nof two lines\n",
        b"\n",
    ],
)
def test_what_is_not_a_tags_file_is_refused_and_left_as_it_is(output: Path, content: bytes) -> None:
    output.write_bytes(content)
    with pytest.raises(OutputError, match=r"expected a tags file, .*; hint: name the output of"):
        run(output, ["a"])
    assert output.read_bytes() == content


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"ty', b'{"type": "tag", "data": {"st', b"   ", b'  {"type":"pro']
)
def test_a_torn_first_line_is_no_reason_to_refuse(output: Path, content: bytes) -> None:
    output.write_bytes(content)
    assert run(output, ["a"]).seen == ["a"]
    assert output.read_bytes() == whole_output(["a"], output.parent)


def test_other_params_than_before_are_warned_of(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = {"threshold": 0.5, "token": "abc123"}
    warn_of_other_params(output, secret)
    warn_of_other_params(output, secret)
    assert caplog.text == ""
    warn_of_other_params(output, {"threshold": 0.6, "token": "abc123", "words": ["a"]})
    assert "with other params than before: threshold, words differ" in caplog.text
    (kept,) = output.parent.iterdir()
    assert kept.name == ".tags.jsonl.params"
    assert "abc123" not in kept.read_text()
