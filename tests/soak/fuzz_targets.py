"""What is fuzzed: six ways for a stranger's bytes to come in, and what each may end in."""

from __future__ import annotations

import json
import os
import random
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from common_ml.errors import (
    MediaError,
    MessageError,
    OutputError,
    ParamsError,
    WireError,
    describe_error,
)
from common_ml.media.audio import audio_windows
from common_ml.media.limits import Limits, applied
from common_ml.media.probe import probe
from common_ml.tagging.daemon.loop import run_loop
from common_ml.tagging.messages import Error, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.params.parsing import parse_params, to_schema
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import FileProducer, TagMessageProducer
from common_ml.tagging.tags_file.resume import ResumeState
from common_ml.tagging.wire import Reader, encode
from tests.media import bad_media
from tests.soak.fuzz_readers import (
    annotation_checks,
    annotation_seeds,
    container_seeds,
    header_checks,
    header_seeds,
)

if TYPE_CHECKING:
    from common_ml.tagging.models.frame_based import Pixels

Check = Callable[[bytes, Path], None]
"""Takes any bytes and an empty folder; raises what must not happen."""

NO_USER_READS = re.compile(r"Traceback|File \"|line \d+, in |0x[0-9a-f]{6,}|\[Errno|\n")


@dataclass(frozen=True)
class Target:
    """One way in."""

    check: Check
    seeds: Callable[[Path], list[bytes]]
    """Good and nearly good bytes to begin with; the folder is for making them."""
    max_bytes: int


@dataclass
class Nested:
    """A part of an author's schema."""

    names: list[str] = field(default_factory=list)
    limit: int | None = None


@dataclass
class Params:
    """An author's schema; `sampling` is a key of the SDK's, too."""

    threshold: float = 0.5
    nested: Nested = field(default_factory=Nested)
    classes: dict[str, int] = field(default_factory=dict)
    sampling: str = "rate"
    fps: float = 1.0


class PydanticParams(BaseModel):
    """The same kind of thing for pydantic."""

    threshold: float = 0.5
    classes: dict[str, int] = {}
    names: tuple[str, ...] = ()


def check_params(data: bytes, _: Path) -> None:
    """Good params or a ParamsError; what is JSON is said by Python's own reader."""
    text = data.replace(b"\0", b"").decode("utf-8", "surrogateescape")  # as in sys.argv
    try:
        params = parse_params(text)
    except ParamsError as error:
        _check_plain(error)
        params = None
    assert (params is not None) == _is_object(text), f"{text!r} gives {params}"
    if params is None:
        return
    assert params == json.loads(text)
    given = params
    for use in (
        lambda: SdkOptions.from_params(given),
        lambda: to_schema(given, Params),
        lambda: to_schema(given, PydanticParams),
    ):
        try:
            use()
        except ParamsError as error:
            _check_plain(error)


def _is_object(text: str) -> bool:
    """Whether it is a JSON object without the numbers that JSON does not know."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        return isinstance(json.loads(text, parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return False


def _check_plain(error: Exception) -> None:
    assert str(error), "an error without words"
    encode(Error(describe_error(error)))


class Says(AVModel):
    """Does not look at the file."""

    def tag(self, fpath: str) -> list[Tag]:
        return [Tag(tag="said")]


def check_stdin(data: bytes, folder: Path) -> None:
    """Each line ends once, in order, whole, however the bytes come in pieces."""
    output = folder / "tags.jsonl"
    read_end, write_end = os.pipe()
    feeder = threading.Thread(target=_feed, args=(write_end, data))
    feeder.start()
    with os.fdopen(read_end, encoding="utf-8") as stdin:
        run_loop(
            TagMessageProducer.from_model(Says()),
            stdin=stdin,
            output_path=output,
            batch_timeout=0.0,
            batch_limit=None,
            options=SdkOptions(continue_on_error=True),
        )
    feeder.join()
    lines = [line for line in (part.rstrip(b"\r") for part in data.split(b"\n")) if line]
    ends = [
        message
        for message in map(json.loads, output.read_bytes().splitlines())
        if message["type"] != "tag"
    ]
    assert len(ends) == len(lines), f"{len(lines)} lines, {len(ends)} ends"
    for line, end in zip(lines, ends, strict=True):
        if _is_utf8(line):
            assert end == {"type": "progress", "data": {"source_media": line.decode()}}
        else:
            assert end["type"] == "error"
            assert end["data"]["source_media"] is None


def _feed(descriptor: int, data: bytes) -> None:
    dice = random.Random(data)
    with os.fdopen(descriptor, "wb", buffering=0) as pipe:
        while data:
            size = dice.choice((1, 7, 4096))
            pipe.write(data[:size])
            data = data[size:]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def check_wire(data: bytes, folder: Path) -> None:
    """Each line is a message or a WireError; a message is written as it was read."""
    path = folder / "tags.jsonl"
    path.write_bytes(data)
    num_lines = 0
    with Reader(path) as reader:
        while True:
            try:
                message = next(reader)
            except StopIteration:
                break
            except WireError as error:
                num_lines += 1
                _check_plain(error)
            else:
                num_lines += 1
                _check_round_trip(message, folder / "again.jsonl")
        tail = reader.torn_tail
    *lines, rest = data.split(b"\n")
    assert num_lines == len(lines)
    assert tail == rest
    try:
        ResumeState.of(path)
    except OutputError:  # no line of it is a message: it is left as it is
        assert path.read_bytes() == data
    else:
        assert path.read_bytes() == data[: len(data) - len(rest)]


def _check_round_trip(message: object, path: Path) -> None:
    try:
        line = encode(message)  # type: ignore[arg-type] # whatever the reader gave
    except MessageError:  # numbers beyond 64 bits are read, but not written
        return
    path.write_bytes(line)
    (again,) = Reader(path)
    assert encode(again) == line


class Sees(FrameModel):
    """Looks at each picture a little."""

    def tag_frame(self, img: Pixels) -> list[FrameTag]:
        assert img.ndim == 3
        assert img.shape[2] == 3
        return [FrameTag(tag=f"{img.shape[1]}x{img.shape[0]} {int(img[0, 0, 0])}")]


_LIMITS = Limits(max_pixels=1_000_000)
_SUFFIXES = (".png", ".jpg", ".mp4", "", ".mkv", ".txt", ".gif", ".wav")


def check_picture(data: bytes, folder: Path) -> None:
    """Tags, or one plain MediaError."""
    path = _written(data, folder)
    with applied(_LIMITS):
        _tag(path)


def check_video(data: bytes, folder: Path) -> None:
    """As for a picture; its facts and its sound are read as well."""
    path = _written(data, folder)
    with applied(_LIMITS):
        _tag(path)
        for use in (
            lambda: probe(path),
            lambda: [len(w.samples) for w in audio_windows(path, window_seconds=1)],
        ):
            try:
                use()
            except MediaError as error:
                _check_message(error, path)


def _written(data: bytes, folder: Path) -> Path:
    """The file, under a name that may tell a lie; the last byte chooses it."""
    path = folder / f"media{_SUFFIXES[data[-1] % len(_SUFFIXES)] if data else ''}"
    path.write_bytes(data)
    return path


def _tag(path: Path) -> None:
    producer = TagMessageProducer.from_model(Sees(), fps=2.0)
    assert isinstance(producer, FileProducer)
    for _, messages in producer.per_file([str(path)]):
        try:
            types = Counter(type(message).__name__ for message in messages)
        except MediaError as error:
            _check_message(error, path)
        else:
            assert types["Progress"] == 1
            assert types["Tag"] >= 1


def _check_message(error: MediaError, path: Path) -> None:
    message = str(error)
    assert path.name in message, f"does not name the file: {message}"
    assert not NO_USER_READS.search(message), f"is not plain: {message}"
    encode(Error(message))


def _params_seeds(_: Path) -> list[bytes]:
    return [
        b'{"fps": 2.5, "threshold": 0.1, "nested": {"names": ["a", "b"], "limit": null}}',
        b'{"common_ml": {"sampling": "keyframes", "max_pixels": 100}, "classes": {"cat": 1}}',
        b'{"fps": -1, "unknown": NaN, "common_ml": {"strict": "no"}}',
        b'{"names": ["\\ud800", "\xc3\xa9"], "threshold": 1e999}',
        b"[1, 2]",
        b'{"threshold": 11111111111111111111111111111111111111}',
    ]


def _stdin_seeds(_: Path) -> list[bytes]:
    return [
        b"media/a.mp4\nmedia/b.mp4\n",
        b"a b\r\n'c\"\r\n\n\r\n",
        "\u00e4\u2028\u0085 \u00e9\n\x0c\x1c.mp4".encode(),
        b"\xff\xfe\n\x00\na\na",
        b"a/" * 2000 + b"\n",
    ]


def _wire_seeds(_: Path) -> list[bytes]:
    return [
        b'{"type":"progress","data":{"source_media":"a"}}\n',
        b'{"type":"progress_ratio","data":{"progress":0.5}}\n',
        b'{"type":"error","data":{"message":"no","source_media":null}}\n{"type',
        (
            b'{"type":"tag","data":{"start_time":0,"end_time":1,"tag":"t","source_media":"a",'
            b'"track":"","additional_info":{"x":[1,2.5,null]},"frame_info":{"frame_idx":45,'
            b'"box":{"x1":0.1,"y1":0.2,"x2":0.3,"y2":0.4}},"vector":[1,null,0.5]}}\n'
        ),
    ]


def _picture_seeds(folder: Path) -> list[bytes]:
    pictures = [bad_media.good_picture(kind, folder) for kind in bad_media.PICTURES]
    return [path.read_bytes() for path in pictures] + _bad_seeds(folder)


def _video_seeds(folder: Path) -> list[bytes]:
    clips = [bad_media.good_clip(name, folder) for name in bad_media.CLIPS]
    return [path.read_bytes() for path in clips] + _bad_seeds(folder)


def _bad_seeds(folder: Path) -> list[bytes]:
    bad = folder / "bad"
    bad.mkdir()
    bad_media.make_all(bad)
    return [path.read_bytes() for path in bad.iterdir() if path.is_file()]


WAYS_IN = {
    "params": Target(check_params, _params_seeds, 1000),
    "stdin": Target(check_stdin, _stdin_seeds, 10_000),
    "wire": Target(check_wire, _wire_seeds, 2000),
    "picture": Target(check_picture, _picture_seeds, 50_000),
    "video": Target(check_video, _video_seeds, 200_000),
}

READERS = {
    **{
        f"annotations.{name}": Target(check, partial(annotation_seeds, name), 10_000)
        for name, check in sorted(annotation_checks().items())
    },
    **{
        f"header.{name}": Target(
            check,
            container_seeds if name == "containers" else header_seeds,
            200_000 if name == "containers" else 20_000,
        )
        for name, check in sorted(header_checks().items())
    },
}
"""Each reader of a header and of an annotation format alone."""
TARGETS = {**WAYS_IN, **READERS}
