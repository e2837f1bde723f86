"""One message, one line, one write: exact bytes, what values mean, and what cannot be written."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import errno
import io
import json
import os
import subprocess
import sys
import threading
import uuid
from collections import OrderedDict, namedtuple
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common_ml.errors import MessageError, OutputError
from common_ml.tagging.messages import Error, FrameInfo, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.tags_file.codec import PAGE_BYTES
from common_ml.tagging.wire import WIRE_NAMES, Writer, decode, encode, write_message

BOX = {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}
Point = namedtuple("Point", ["x", "y"])


class Level(enum.Enum):
    LOW = "low"
    HALF = np.float32(0.5)


@dataclasses.dataclass
class Box:
    _hidden: int
    area: float


class Text(str):
    __slots__ = ()


GOLDEN = [
    (
        Tag(1000, 2000, "hello", "media/a.mp4", "ocr", {"score": 0.5}),
        (
            b'{"type":"tag","data":{"start_time":1000,"end_time":2000,"tag":"hello",'
            b'"source_media":"media/a.mp4","track":"ocr","additional_info":{"score":0.5},'
            b'"frame_info":null}}\n'
        ),
    ),
    (
        Tag(1000, 1000, "h\u00e9llo", "media/a.mp4", frame_info=FrameInfo(25, BOX)),
        (
            b'{"type":"tag","data":{"start_time":1000,"end_time":1000,"tag":"h\xc3\xa9llo",'
            b'"source_media":"media/a.mp4","track":"","additional_info":null,'
            b'"frame_info":{"frame_idx":25,"box":{"x1":0.1,"y1":0.2,"x2":0.3,"y2":0.4}}}}\n'
        ),
    ),
    (
        Tag(1000, 1000, "hello", "media/a.mp4", frame_info=FrameInfo(25)),
        (
            b'{"type":"tag","data":{"start_time":1000,"end_time":1000,"tag":"hello",'
            b'"source_media":"media/a.mp4","track":"","additional_info":null,'
            b'"frame_info":{"frame_idx":25,"box":null}}}\n'
        ),
    ),
    (
        Tag(0, 1042, "hello", "media/a.mp4"),  # a run
        (
            b'{"type":"tag","data":{"start_time":0,"end_time":1042,"tag":"hello",'
            b'"source_media":"media/a.mp4","track":"","additional_info":null,"frame_info":null}}\n'
        ),
    ),
    (
        Tag(0, 0, "", "media/a.mp4", vector=[0.5, 1, float("nan")]),
        (
            b'{"type":"tag","data":{"start_time":0,"end_time":0,"tag":"",'
            b'"source_media":"media/a.mp4","track":"","additional_info":null,"frame_info":null,'
            b'"vector":[0.5,1,null]}}\n'
        ),
    ),
    (Progress("media/a.mp4"), b'{"type":"progress","data":{"source_media":"media/a.mp4"}}\n'),
    (ProgressRatio(0.25), b'{"type":"progress_ratio","data":{"progress":0.25}}\n'),
    (
        Error("ValueError: no\nsuch \0", "media/a.mp4"),
        (
            b'{"type":"error","data":{"message":"ValueError: no\\nsuch \\u0000",'
            b'"source_media":"media/a.mp4"}}\n'
        ),
    ),
    (Error("it ends"), b'{"type":"error","data":{"message":"it ends","source_media":null}}\n'),
]


@pytest.mark.parametrize(("message", "line"), GOLDEN)
def test_the_bytes_of_a_line_are_exact(message: Message, line: bytes) -> None:
    assert encode(message) == line
    assert json.loads(line)["type"] == WIRE_NAMES[type(message)]


@pytest.mark.parametrize(("message", "line"), [pair for pair in GOLDEN if b"[0.5,1" not in pair[1]])
def test_a_line_gives_its_message_back(message: Message, line: bytes) -> None:
    assert decode(line) == message


def test_a_subclass_travels_as_its_base_without_what_it_adds() -> None:
    @dataclasses.dataclass(frozen=True, init=False)
    class MyTag(Tag):
        pass

    tag = MyTag(1, 2, "a", "m", frame_info=FrameInfo(3, BOX))
    tag.__dict__["cached"] = 5
    assert encode(tag) == encode(Tag(1, 2, "a", "m", frame_info=FrameInfo(3, BOX)))


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(MessageError, match="must be one of Tag, Progress, ProgressRatio, Error"):
        encode({"type": "tag"})  # type: ignore[arg-type] # what is tested


def info_of(value: Any) -> Any:
    """Returns what a JSON parser that is not ours reads where `value` was written."""
    data = json.loads(encode(Tag(additional_info={"value": value})))["data"]
    return data["additional_info"]["value"]


UTC = dt.timezone.utc
MEANINGS = [
    (np.float32(0.1), 0.1),
    (np.float16(0.5), 0.5),
    (np.longdouble(0.5), 0.5),
    (np.longlong(3), 3),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.bool_(1), True),
    (np.str_("a"), "a"),
    (np.array(0.1, np.float32), 0.1),
    (np.array(3), 3),
    (np.array(1, bool), True),
    (np.arange(6).reshape(2, 3), [[0, 1, 2], [3, 4, 5]]),
    (np.arange(6).reshape(2, 3)[:, ::2], [[0, 2], [3, 5]]),
    (np.asfortranarray(np.arange(6).reshape(2, 3)), [[0, 1, 2], [3, 4, 5]]),
    (np.array([0.1, 0.2], np.float32)[::-1], [0.2, 0.1]),
    (np.array([0.5], np.float16), [0.5]),
    (np.array([0.5], np.longdouble), [0.5]),
    (np.array([1.5, 2.5], ">f4"), [1.5, 2.5]),
    (np.array([True, False]), [True, False]),
    (np.array(["a", "b"]), ["a", "b"]),
    (np.array([1, None, "a"], object), [1, None, "a"]),
    (np.array([]), []),
    (np.array(["2024-05-06"], "M8[D]"), ["2024-05-06T00:00:00"]),
    (np.datetime64("NaT", "s"), None),
    ((1, (2, 3)), [1, [2, 3]]),
    (Point(1, 2), [1, 2]),
    (OrderedDict(a=1), {"a": 1}),
    (Level.LOW, "low"),
    (Level.HALF, 0.5),
    (dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), "2024-05-06T07:08:09+00:00"),
    (dt.datetime(2024, 5, 6, 7, 8, 9), "2024-05-06T07:08:09"),
    (dt.date(2024, 5, 6), "2024-05-06"),
    (dt.time(7, 8), "07:08:00"),
    (PurePosixPath("/a/b"), "/a/b"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Box(1, 0.5), {"_hidden": 1, "area": 0.5}),
    (Text("a"), "a"),
    (float("nan"), None),
    (float("inf"), None),
    (-np.inf, None),
    (np.float32("nan"), None),
    (np.array([np.nan, 1]), [None, 1]),
    ("a\nb\0\u2028", "a\nb\0\u2028"),
]


@pytest.mark.parametrize(("value", "meaning"), MEANINGS)
def test_values_are_written_as_what_they_mean(value: Any, meaning: Any) -> None:
    assert info_of(value) == meaning


@pytest.mark.parametrize(("value", "meaning"), MEANINGS)
def test_values_beside_a_key_that_is_no_string_mean_the_same(value: Any, meaning: Any) -> None:
    """Such a key takes another way through the writer."""
    assert info_of({1: value, "list": [value]}) == {"1": meaning, "list": [meaning]}


class Tensor:
    """Stands in for a torch tensor of bfloat16 on a GPU."""

    __module__ = "torch"
    layout = "torch.strided"

    def __init__(self, values: Any) -> None:
        self.values, self.steps = np.asarray(values), [""]

    def __getattr__(self, name: str) -> Any:
        def step() -> Tensor:
            self.steps.append(name)
            return self

        return step

    is_quantized = False

    def numpy(self) -> Any:
        if self.steps[-1] != "float":
            raise TypeError("Got unsupported ScalarType BFloat16")
        assert {"detach", "cpu"} <= {*self.steps}
        return self.values


@pytest.mark.parametrize("values", [[0.5, 1.5], [[1, 2], [3, 4]], 0.5])
def test_tensors_are_written_without_importing_torch(values: Any) -> None:
    assert info_of(Tensor(values)) == values
    assert "torch" not in sys.modules


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (1, "1"),
        (-0.5, "-0.5"),
        (True, "true"),
        (None, "null"),
        (np.int64(7), "7"),
        (np.float32(0.1), "0.1"),
        (Level.LOW, "low"),
        (Text("a"), "a"),
        (dt.date(2024, 5, 6), "2024-05-06"),
        (PurePosixPath('a"b'), 'a"b'),
        ((1, "a"), "(1, 'a')"),
        (float("nan"), "nan"),
    ],
)
def test_keys_become_strings(key: Any, name: str) -> None:
    assert info_of({key: 1}) == {name: 1}
    assert info_of([{key: 1}]) == [{name: 1}]


def cycle() -> list[Any]:
    ring: list[Any] = [1]
    ring.append(ring)
    return ring


def tower(levels: int) -> list[Any]:
    return [tower(levels - 1)] if levels else []


UNWRITABLE = [
    (b"a", "", "a bytes has no meaning in JSON, got bytes b'a'; hint: base64"),
    ({1, 2}, "", "a set has no meaning in JSON, got set {1, 2}; hint: sorted() it"),
    (1j, "", "a complex has no meaning in JSON"),
    (
        Decimal("0.1"),
        "",
        "a Decimal has no meaning in JSON, got Decimal Decimal('0.1'); hint: float()",
    ),
    (range(3), "", "a range has no meaning in JSON"),
    (dt.timedelta(1), "", ".total_seconds() it"),
    (dt.time(7, tzinfo=UTC), "", "tzinfo"),
    (np.array([1j]), "", "an array of complex128 has no meaning in JSON"),
    (np.array([b"a"]), "", "an array of |S1 has no meaning in JSON"),
    (np.timedelta64(1, "s"), "", "has no meaning in JSON"),
    (int, "", "a type has no meaning in JSON"),
    ({b"a": 1}, "", "a key becomes a str, got bytes b'a'"),
    (cycle(), "[1]", "it contains itself"),
    ([0, {"deep": [{5}]}], "[1].deep[0]", "a set has no meaning in JSON"),
]


@pytest.mark.parametrize(("value", "below", "words"), UNWRITABLE)
def test_what_cannot_be_written_is_named(value: Any, below: str, words: str) -> None:
    """The field, the tag and its file, and what would be right."""
    info = {"scores": [0, 0, 0, value]}
    tag = Tag(40, 80, "hello", "media/a.mp4", additional_info=info, frame_info=FrameInfo(2))
    with pytest.raises(MessageError) as caught:
        encode(tag)
    assert caught.value.field == f"additional_info.scores[3]{below}"
    assert words in str(caught.value)
    place = "in the tag 'hello' at 40..80 ms, frame 2 of 'media/a.mp4'"
    assert str(caught.value).endswith(place)


def test_what_lies_too_deep_becomes_its_json_as_text() -> None:
    assert info_of(tower(90)) == tower(90)
    found, depth = info_of([tower(400), 5]), 0
    assert found[1] == 5
    while isinstance(found, list):
        found, depth = found[0], depth + 1
    assert json.loads(found) == tower(401 - depth)
    assert isinstance(decode(encode(Tag(additional_info={"value": tower(400)}))), Tag)


def test_an_endless_value_is_refused_below_the_depth_that_is_written() -> None:
    with pytest.raises(MessageError, match="hint: write it flatter"):
        info_of(tower(100_000) if sys.getrecursionlimit() > 200_000 else deep_cycle())


def deep_cycle() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    outer: list[Any] = ring
    for _ in range(150):
        outer = [outer]
    return outer


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2**64, str(2**64)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        ([10**400], [str(10**400)]),
        ({2**70: 1}, {str(2**70): 1}),
        ("ab\ud800", "ab\\ud800"),
        ({"\ud800": 1}, {"\\ud800": 1}),
        (Path("a\udcff"), "a\\udcff"),
        ({1: "a", "1": "b"}, {"1": "b"}),
    ],
)
def test_what_the_json_module_writes_never_fails(value: Any, written: Any) -> None:
    assert info_of(value) == written
    assert isinstance(decode(encode(Tag(additional_info={"value": value}))), Tag)


@given(st.text(st.characters(codec="utf-8"), min_size=0, max_size=6000), st.integers(0, 5000))
@example("\u00e9", 4090)
@example("\U0001f600", 4090)
def test_a_line_longer_than_a_page_is_ascii_and_means_the_same(text: str, padding: int) -> None:
    message = Error("x" * padding + text, "media/a.mp4")
    line = encode(message)
    assert line.isascii() or len(line) <= PAGE_BYTES
    assert decode(line) == message
    assert json.loads(line)["data"]["message"] == message.message


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (Tag(source_media="a\udcff"), "source_media"),
        (Progress("a\udcff"), "source_media"),
        (Tag(2**70, 2**70), "start_time"),
        (Tag(vector=[0.5, 2**70]), "vector[1]"),
        (Tag(frame_info={"frame_idx": 2**70}), "frame_info.frame_idx"),
    ],
)
def test_every_field_is_named(message: Message, field: str) -> None:
    with pytest.raises(MessageError) as caught:
        encode(message)
    assert caught.value.field == field


@given(text=st.text(st.characters()), name=st.none() | st.text(st.characters()))
@example("bad \ud800", "a\udcff")
def test_an_error_can_always_be_written(text: str, name: str | None) -> None:
    data = json.loads(encode(Error(text, name)))["data"]
    if name is not None and any("\ud800" <= c <= "\udfff" for c in name):
        assert data["source_media"] is None
        assert name.encode(errors="backslashreplace").decode() in data["message"]
    else:
        assert data["source_media"] == name
    assert data["message"].startswith(text.encode(errors="backslashreplace").decode())


def test_a_writer_appends(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    path.write_bytes(b"what was there\n")
    with Writer(path) as out:
        for message, _ in GOLDEN:
            out.write(message)
    assert path.read_bytes() == b"what was there\n" + b"".join(line for _, line in GOLDEN)


def test_a_line_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    with Writer(tmp_path / "tags.jsonl") as out:
        for i, (message, line) in enumerate(GOLDEN):
            out.write(message)
            assert Path(out.path).read_bytes() == b"".join(line for _, line in GOLDEN[: i + 1])
            assert Path(out.path).read_bytes().endswith(line)


def test_a_message_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []

    def write(descriptor: int, data: bytes) -> int:
        writes.append(data)
        return len(data)

    monkeypatch.setattr(os, "write", write)
    large = Tag(tag="x" * 3_000_000)
    with Writer(tmp_path / "tags.jsonl") as out:
        out.write(large)
        out.write(Progress("a"))
    assert writes == [encode(large), encode(Progress("a"))]


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system_write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: system_write(file, data[:7]))
    with Writer(tmp_path / "tags.jsonl") as out:
        out.write(GOLDEN[0][0])
    assert Path(out.path).read_bytes() == GOLDEN[0][1]


def test_an_unwritable_value_leaves_nothing_and_names_the_output(tmp_path: Path) -> None:
    path = tmp_path / "tags.jsonl"
    with Writer(path) as out:
        with pytest.raises(MessageError, match=f", for {path}$") as caught:
            out.write(Tag(additional_info={"a": {1}}))
        out.write(Progress("a"))
    assert caught.value.field == "additional_info.a"
    assert path.read_bytes() == encode(Progress("a"))


def test_threads_share_a_writer(tmp_path: Path) -> None:
    """Every line of every thread is whole."""
    with Writer(tmp_path / "tags.jsonl") as out:

        def write(name: str) -> None:
            for i in range(300):
                out.write(Tag(i, i, name * (1 + 40 * i)))

        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = [line.lstrip(b" ") for line in Path(out.path).read_bytes().splitlines(keepends=True)]
    expected = [encode(Tag(i, i, name * (1 + 40 * i))) for i in range(300) for name in "abcd"]
    assert sorted(lines) == sorted(expected)


@given(st.lists(st.integers(1, 3 * PAGE_BYTES), max_size=20), st.integers(0, 2 * PAGE_BYTES))
def test_no_line_lies_across_two_pages_unless_it_is_longer_than_one(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], old_bytes: int
) -> None:
    """Between two pages stand spaces at most, which are no loss to who sees them alone."""
    path = tmp_path_factory.mktemp("pages") / "tags.jsonl"
    path.write_bytes(b"x" * max(old_bytes - 1, 0) + b"\n" * min(old_bytes, 1))
    tags = [Tag(tag="t" * length, source_media="a") for length in lengths]
    with Writer(path) as writer:
        for tag in tags:
            writer.write(tag)
    content = path.read_bytes()[old_bytes:]
    assert [line.lstrip(b" ") for line in content.splitlines(keepends=True)] == [
        encode(tag) for tag in tags
    ]
    end = old_bytes
    for line in content.splitlines(keepends=True):
        start, end = end + len(line) - len(line.lstrip(b" ")), end + len(line)
        if end - start <= PAGE_BYTES:
            assert start // PAGE_BYTES == (end - 1) // PAGE_BYTES
        else:
            assert not line.startswith(b" ")


@pytest.mark.parametrize(
    ("name", "code", "way_out"),
    [
        ("", errno.EISDIR, "name a file in it"),
        ("missing/tags.jsonl", errno.ENOENT, "make its directory first"),
        ("file/tags.jsonl", errno.ENOTDIR, "name a file in a directory"),
    ],
)
def test_an_output_that_cannot_be_opened(
    tmp_path: Path, name: str, code: int, way_out: str
) -> None:
    (tmp_path / "file").touch()
    path = str(tmp_path / name)
    with pytest.raises(OutputError) as caught:
        Writer(path)
    assert (caught.value.errno, caught.value.path) == (code, path)
    assert str(caught.value).startswith(f"the output file {path} cannot be opened: ")
    assert str(caught.value).endswith(way_out)


def test_an_output_name_with_a_nul(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be opened: .*embedded null"):
        Writer(f"{tmp_path}/a\0b")


def test_a_full_disk_is_told_with_the_path() -> None:
    words = r"/dev/full cannot be written: .*: free some space"
    with Writer("/dev/full") as out, pytest.raises(OutputError, match=words):
        out.write(Progress("a"))


def test_a_closed_writer_refuses(tmp_path: Path) -> None:
    out = Writer(tmp_path / "tags.jsonl")
    out.close()
    out.close()
    with pytest.raises(OutputError, match="the writer is closed"):
        out.write(Progress("a"))


def test_the_output_is_not_handed_to_children(tmp_path: Path) -> None:
    with Writer(tmp_path / "tags.jsonl") as out:
        code = f"import os; print(os.path.exists('/proc/self/fd/{out._descriptor}'))"
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            close_fds=False,
        )
    assert done.stdout == "False\n"


class Raw(io.RawIOBase):
    """Counts the writes that reach the system."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.writes.append(bytes(data))
        return len(data)


@pytest.mark.parametrize("length", [0, 8191, 8192, 20_000, 1_000_000])
def test_a_caller_s_text_file_gets_one_write(length: int) -> None:
    raw = Raw()
    text_file = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="")
    messages = [Tag(tag="\u00e9" * length), Progress("a")]
    for message in messages:
        write_message(message, text_file)
    assert raw.writes == [encode(message) for message in messages]


def test_a_caller_s_string_file() -> None:
    text_file = io.StringIO()
    write_message(Progress("a"), text_file)
    assert text_file.getvalue() == encode(Progress("a")).decode()
