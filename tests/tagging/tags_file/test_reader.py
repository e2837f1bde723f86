"""Reading tags files: whole lines only, while they grow, and back to the same messages."""

from __future__ import annotations

import logging
import math
import multiprocessing
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import WireError
from common_ml.tagging.messages import Error, FrameInfo, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.wire import Writer, encode, read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-(2**63), 2**64 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | INTEGERS
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
BOXES = st.fixed_dictionaries(dict.fromkeys(("x1", "y1", "x2", "y2"), NUMBERS))
FRAMES = st.builds(FrameInfo, st.integers(0, 2**40), st.none() | BOXES)
TIMES = st.lists(st.integers(0, 2**40), min_size=2, max_size=2).map(sorted)
TAGS = st.builds(
    lambda times, *others: Tag(times[0], times[1], *others),
    TIMES,
    TEXTS,
    TEXTS,
    TEXTS,
    st.none() | st.dictionaries(TEXTS, JSON, max_size=3),
    st.none() | FRAMES,
    st.none() | st.lists(NUMBERS, max_size=4),
)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    TAGS,
    st.builds(Progress, TEXTS),
    st.builds(ProgressRatio, st.floats(0, 1)),
    st.builds(Error, TEXTS, st.none() | TEXTS),
)


@given(messages=st.lists(MESSAGES))
def test_what_is_written_is_read(tmp_path_factory: Any, messages: list[Message]) -> None:
    path = tmp_path_factory.mktemp("tags") / "tags.jsonl"
    with Writer(path) as out:
        for message in messages:
            out.write(message)
    reader = read_messages(path)
    assert list(reader) == messages
    assert reader.line_number == len(messages)
    assert reader.torn_tail == b""


def test_a_nan_of_a_vector_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    path.write_bytes(encode(Tag(vector=[1.0, float("nan"), float("inf")])))
    (tag,) = read_messages(path)
    assert isinstance(tag, Tag)
    assert tag.vector is not None
    assert [math.isnan(number) for number in tag.vector] == [False, True, True]


def test_an_empty_file_has_no_messages(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    path.touch()
    assert list(read_messages(path)) == []


def test_a_missing_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_messages(tmp_path / "tags.jsonl")


def test_a_torn_last_line_is_no_message(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "tags.jsonl"
    path.write_bytes(encode(Progress("a")) + encode(Progress("b"))[:-1])
    with caplog.at_level(logging.WARNING), read_messages(path) as reader:
        assert list(reader) == [Progress("a")]
    assert reader.torn_tail == encode(Progress("b"))[:-1]
    (record,) = caplog.records
    assert f"{path}: 47 bytes after line 1 have no newline" in record.getMessage()


def test_lines_longer_than_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common_ml.tagging.tags_file.reader.CHUNK_BYTES", 16)
    messages = [Progress("x" * length) for length in (1000, 0, 1, 40, 3000)]
    path = tmp_path / "tags.jsonl"
    path.write_bytes(b"".join(encode(message) for message in messages))
    assert list(read_messages(path)) == messages


TAG = '{"type":"tag","data":{"start_time":0,"end_time":0,"tag":"","source_media":"a"%s}}'
BAD_LINES = [
    ("", "is not valid JSON"),
    ("nonsense", "is not valid JSON: .*, got nonsense"),
    ('{"type":"tag"', "is not valid JSON"),
    ("[]", 'must be {"type": ..., "data": {...}}, got []'),
    ("5", 'must be {"type": ..., "data": {...}}, got 5'),
    ('{"type":"tag"}', 'must be {"type": ..., "data": {...}}'),
    ('{"type":"progress","data":{"source_media":"a"},"x":1}', "must be"),
    ('{"type":"video","data":{}}', "unknown type 'video': expected one of tag, progress"),
    ('{"type":["tag"],"data":{}}', "unknown type"),
    ('{"type":"tag","data":[]}', "must have an object as data"),
    ('{"type":"tag","data":{"start_time":0}}', "has no end_time: expected in data of tag"),
    ('{"type":"progress","data":{}}', "has no source_media"),
    ('{"type":"error","data":{}}', "has no message"),
    ('{"type":"progress","data":{"source_media":null}}', "source_media must be a str, got None"),
    ('{"type":"progress_ratio","data":{"progress":-2}}', "progress must be a number from 0 to 1"),
    (TAG % ',"colour":1', "unknown key 'colour' in data: expected additional_info, end_time"),
    (TAG % ',"frame_info":{"frame_idx":1,"box":{"x2":1}}', "frame_info.box.x1 is missing"),
    (TAG % ',"frame_info":{"frame_idx":"1"}', "frame_info.frame_idx must be a whole number"),
    (TAG % ',"vector":["a"]', "vector[0] must be a number"),
    (TAG.replace('"start_time":0', '"start_time":0.5') % "", "an int as start_time, got 0.5"),
    (TAG.replace('"end_time":0', '"end_time":true') % "", "an int as end_time, got True"),
    ('{"type":"progress","data":{"source_media":"\\ud800"}}', "is not valid JSON"),
    ('{"type":"progress","data":{"source_media":NaN}}', "is not valid JSON"),
]


@pytest.mark.parametrize(("line", "words"), BAD_LINES)
def test_a_bad_line_is_named_and_the_next_is_read(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "tags.jsonl"
    good = encode(Progress("a"))
    path.write_bytes(good + line.encode() + b"\n" + good)
    reader = read_messages(path)
    assert next(reader) == Progress("a")
    with pytest.raises(WireError) as caught:
        next(reader)
    assert (caught.value.path, caught.value.line_number) == (str(path), 2)
    assert str(caught.value).startswith(f"{path}:2: the line ")
    for part in words.split(".*"):
        assert part in str(caught.value)
    assert list(reader) == [Progress("a")]


@given(junk=st.binary(max_size=200))
def test_any_bytes_are_messages_or_wire_errors(tmp_path_factory: Any, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("tags") / "tags.jsonl"
    path.write_bytes(junk)
    reader = read_messages(path)
    for _ in range(junk.count(b"\n")):
        with pytest.raises(WireError):
            next(reader)
    assert list(reader) == []
    assert reader.torn_tail == junk[junk.rfind(b"\n") + 1 :]


@given(document=st.recursive(JSON, lambda inner: st.dictionaries(TEXTS, inner), max_leaves=3))
def test_any_data_are_messages_or_value_errors(tmp_path_factory: Any, document: Any) -> None:
    """What stands in the fields of a tag never ends in an error of another kind."""
    path = tmp_path_factory.mktemp("tags") / "tags.jsonl"
    keys = ("start_time", "end_time", "tag", "source_media", "frame_info", "vector", "track")
    lines = [encode(Tag(additional_info={"x": document}))]
    marker = lines[0].split(b'"x":')[1].rsplit(b'},"frame_info"', 1)[0]
    for key in keys:
        data = {"start_time": b"0", "end_time": b"0", "tag": b'""', "source_media": b'""'}
        fields = b",".join(b'"%s":%s' % (k.encode(), v) for k, v in {**data, key: marker}.items())
        lines.append(b'{"type":"tag","data":{%s}}\n' % fields)
    path.write_bytes(b"".join(lines))
    reader = read_messages(path)
    num_read = 0
    while reader.line_number < len(lines):
        try:
            next(reader)
        except WireError:
            continue
        num_read += 1
    assert num_read >= 1  # the first line is a message whatever stands in it


def test_a_follower_yields_as_the_file_grows(tmp_path: Path) -> None:
    """Each message is out before the next is written; a torn line waits for its end."""
    path = tmp_path / "tags.jsonl"
    stop = threading.Event()
    reader = read_messages(path, follow=True, stop=stop, poll_seconds=0.001)
    with path.open("wb", buffering=0) as file:
        for i in range(20):
            line = encode(Progress(str(i)))
            file.write(line[:9])
            torn = threading.Timer(0.002, file.write, [line[9:]])
            torn.start()
            assert next(reader) == Progress(str(i))
            torn.join()
        file.write(encode(Progress("last")) + b"torn")
    stop.set()
    assert list(reader) == [Progress("last")]
    assert reader.torn_tail == b"torn"


def test_a_follower_waits_for_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    reader = read_messages(path, follow=True, poll_seconds=0.001)
    timer = threading.Timer(0.01, path.write_bytes, [encode(Progress("a"))])
    timer.start()
    assert next(reader) == Progress("a")
    timer.join()
    reader.close()
    assert list(reader) == []


@pytest.mark.parametrize("there", [True, False])
def test_an_event_ends_the_waiting_at_once(tmp_path: Path, *, there: bool) -> None:
    """The poll is an hour; only the event can end the thread."""
    path = tmp_path / "tags.jsonl"
    if there:
        path.touch()
    stop = threading.Event()
    reader = read_messages(path, follow=True, stop=stop, poll_seconds=3600)
    thread = threading.Thread(target=list, args=(reader,))
    thread.start()
    stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_function_ends_the_waiting(tmp_path: Path) -> None:
    """What was written before it said so is still read."""
    path = tmp_path / "tags.jsonl"
    path.touch()
    answers = iter([False, False, True])

    def ended() -> bool:
        answer = next(answers)
        if answer:
            path.write_bytes(encode(Progress("a")))
        return answer

    reader = read_messages(path, follow=True, stop=ended, poll_seconds=0)
    assert next(reader) == Progress("a")
    answers = iter([True])
    assert list(reader) == []


def test_a_torn_line_that_is_cut_off_again_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    path.write_bytes(encode(Progress("a")) + b"torn")

    def cut_off() -> Iterator[bool]:
        yield False
        yield False
        path.write_bytes(encode(Progress("a")) + encode(Progress("b")))
        yield True
        yield True

    states = cut_off()
    reader = read_messages(path, follow=True, stop=lambda: next(states), poll_seconds=0)
    assert list(reader) == [Progress("a"), Progress("b")]


def test_an_abandoned_reader_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    path.write_bytes(encode(Progress("a")) * 2)
    for message in read_messages(path):
        assert message == Progress("a")
        break
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        next(read_messages(path))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


NUM_TAGS = 20_000


def text_of(i: int) -> str:
    return chr(97 + i % 26) * (1 + i * 7919 % 5000)


def write_tags(path: str) -> None:
    with Writer(path) as out:
        for i in range(NUM_TAGS):
            out.write(Tag(i, i, text_of(i)))


def test_a_reader_never_sees_a_torn_line(tmp_path: Path) -> None:
    """Another process writes lines of 100 to 5,100 bytes; this one polls without pause."""
    path = str(tmp_path / "tags.jsonl")
    writer = multiprocessing.get_context("spawn").Process(target=write_tags, args=(path,))
    writer.start()
    reader = read_messages(path, follow=True, stop=lambda: not writer.is_alive(), poll_seconds=0)
    for i, message in enumerate(reader):
        assert message == Tag(i, i, text_of(i))
    writer.join()
    assert writer.exitcode == 0
    assert reader.line_number == NUM_TAGS
    assert reader.torn_tail == b""
