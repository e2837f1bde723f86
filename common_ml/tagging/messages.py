"""What travels from a tagger to its runtime: `Tag`, `Progress`, `ProgressRatio`, `Error`.

All are frozen dataclasses whose types are checked at birth, so that a wrong value is named where
it was made, and not where it is written. Near misses are put right: numpy and torch scalars become
Python numbers, fractional milliseconds are rounded, arrays in `vector` become lists.

The classes write their `__init__` by hand because a tagger makes millions of them: one look at the
exact types lets a well-formed message through, and only others reach `checks.py`. The generated
one needs a call of `object.__setattr__` per field (tests/benchmarks/wire.py).
"""

from __future__ import annotations

# the old names of typing: existing repos take them from here by a star import
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import (  # noqa: UP035 - see above
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Tuple,
    Union,
)

import numpy as np

from common_ml.errors import MessageError
from common_ml.tagging import checks

__all__ = [
    "ABC",
    "Any",
    "Callable",
    "Dict",
    "Error",
    "FrameInfo",
    "Iterable",
    "Iterator",
    "List",
    "Message",
    "Optional",
    "Progress",
    "ProgressRatio",
    "Tag",
    "Tuple",
    "Union",
    "abstractmethod",
    "asdict",
    "dataclass",
    "field",
    "np",
]


@dataclass(frozen=True)
class Message:
    """Base of everything that travels."""


@dataclass(frozen=True, init=False)
class FrameInfo:
    """Which frame a tag is about, and where in it.

    Raises:
        MessageError: a value of the wrong type; its `.field` starts with `frame_info`.
    """

    frame_idx: int
    """0-based place of the frame in presentation order."""
    box: dict[str, float] | None = None
    """`x1`, `y1`, `x2`, `y2`, each 0..1 of the width or height, from the top left corner."""

    def __init__(self, frame_idx: int, box: Mapping[str, Any] | None = None) -> None:
        if type(frame_idx) is not int or frame_idx < 0:
            frame_idx = checks.index(frame_idx, "frame_info.frame_idx")
        if box is not None:
            box = checks.box(box, "frame_info.box")
        fields = self.__dict__  # frozen: set behind __setattr__
        fields["frame_idx"] = frame_idx
        fields["box"] = box


@dataclass(frozen=True, init=False)
class Tag(Message):
    """Something that a model has found in a stretch of a file.

    Raises:
        MessageError: a value of the wrong type.
    """

    start_time: int = 0
    """Milliseconds from the start of the file, >= 0."""
    end_time: int = 0
    """Milliseconds, >= start_time."""
    tag: str = ""
    """What was found."""
    source_media: str = ""
    """The file, exactly as received; "" from an `AVModel` means the file being tagged."""
    track: str = ""
    """The author's name for a stream of tags; "" is the default one."""
    additional_info: dict[str, Any] | None = None
    """Anything that can be written as a JSON object."""
    frame_info: FrameInfo | None = None
    """The frame, for a tag about one; made from a dict such as `{"frame_idx": 45}` too."""
    vector: list[float] | None = None
    """An embedding; made from a tuple, array or tensor too."""

    def __init__(
        self,
        start_time: int = 0,
        end_time: int = 0,
        tag: str = "",
        source_media: str = "",
        track: str = "",
        additional_info: Mapping[str, Any] | None = None,
        frame_info: FrameInfo | Mapping[str, Any] | None = None,
        vector: Any = None,
    ) -> None:
        if not (type(start_time) is type(end_time) is int and 0 <= start_time <= end_time):
            start_time = checks.milliseconds(start_time, "start_time")
            end_time = checks.milliseconds(end_time, "end_time")
        if not type(tag) is type(source_media) is type(track) is str:
            tag = checks.text(tag, "tag")
            source_media = checks.text(source_media, "source_media")
            track = checks.text(track, "track")
        if additional_info is not None and type(additional_info) is not dict:
            additional_info = checks.additional_info(additional_info, "additional_info")
        if frame_info is not None and type(frame_info) is not FrameInfo:
            frame_info = _checked_frame_info(frame_info)
        fields = self.__dict__  # frozen: set behind __setattr__; the wire reads them in this order
        fields["start_time"] = start_time
        fields["end_time"] = end_time
        fields["tag"] = tag
        fields["source_media"] = source_media
        fields["track"] = track
        fields["additional_info"] = additional_info
        fields["frame_info"] = frame_info
        if vector is not None:  # else the default at the class speaks, as the wire leaves it out
            fields["vector"] = checks.vector(vector, "vector")


@dataclass(frozen=True)
class Progress(Message):
    """Every tag of a file is written.

    Raises:
        MessageError: `source_media` is no str.
    """

    source_media: str
    """The file, exactly as received."""

    def __post_init__(self) -> None:
        if type(self.source_media) is not str:
            _put_right(self, "source_media", checks.text(self.source_media, "source_media"))


@dataclass(frozen=True)
class ProgressRatio(Message):
    """How much of all work is done; only for a runtime that asks for it.

    Raises:
        MessageError: `progress` is no number from 0 to 1.
    """

    progress: float
    """0..1."""

    def __post_init__(self) -> None:
        if type(self.progress) is not float or not 0 <= self.progress <= 1:
            _put_right(self, "progress", checks.ratio(self.progress, "progress"))


@dataclass(frozen=True)
class Error(Message):
    """A file, or the tagger, has failed.

    Raises:
        MessageError: a value of the wrong type.
    """

    message: str
    """What the user will read."""
    source_media: str | None = None
    """The file, exactly as received; None where the failure is about no file."""

    def __post_init__(self) -> None:
        if type(self.message) is not str:
            _put_right(self, "message", checks.text(self.message, "message"))
        if self.source_media is not None and type(self.source_media) is not str:
            _put_right(self, "source_media", checks.text(self.source_media, "source_media"))


def _checked_frame_info(value: Any) -> FrameInfo:
    if isinstance(value, FrameInfo):
        return value
    if not isinstance(value, Mapping):
        way_out = 'as in {"frame_idx": 45}'
        raise checks.wrong("frame_info", "a FrameInfo, a dict or None", value, way_out=way_out)
    if "frame_idx" not in value:
        missing = 'frame_info.frame_idx is missing: as in {"frame_idx": 45}'
        raise MessageError(missing, field="frame_info.frame_idx")
    for key in value:
        if key not in ("frame_idx", "box"):
            expected = "frame_idx or box"
            raise checks.wrong(f"frame_info.{key}", expected, key, way_out="use additional_info")
    return FrameInfo(value["frame_idx"], value.get("box"))


def _put_right(message: Message, field: str, value: Any) -> None:
    """Replaces a value at birth, behind the frozen `__setattr__`."""
    message.__dict__[field] = value
