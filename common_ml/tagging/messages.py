"""Messages from a tagger to its runtime: `Tag`, `Progress`, `ProgressRatio`, `Error`.

All are frozen dataclasses whose types are checked on construction, so that an invalid value is
reported where it was constructed, not where it is written. Values are normalised: numpy and torch
scalars become Python numbers, fractional milliseconds are rounded, arrays in `vector` become lists.

The classes have a hand-written `__init__` because a tagger creates millions of them: a well-formed
message needs one check of its exact types, and only others reach `field_values`. The generated
`__init__` calls `object.__setattr__` for each field (tests/benchmarks/wire.py).
"""

from __future__ import annotations

# the old names of typing: existing repos get them from here by a star import
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import (
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
from common_ml.tagging import field_values
from common_ml.tagging.confidence import checked_confidence, confidence_of, with_confidence

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
    """Base of all messages."""


@dataclass(frozen=True, init=False)
class FrameInfo:
    """The frame, and the box in it, that a tag refers to.

    Raises:
        MessageError: a value of the wrong type; its `.field` starts with `frame_info`.
    """

    frame_idx: int
    """0-based index of the frame in presentation order, >= 0."""
    box: dict[str, float] | None = None
    """`x1`, `y1`, `x2`, `y2`, each 0..1 of the width or height, from the top left corner."""

    def __init__(self, frame_idx: int, box: Mapping[str, Any] | None = None) -> None:
        if type(frame_idx) is not int:
            frame_idx = field_values.index(frame_idx, "frame_info.frame_idx")
        if box is not None:
            box = field_values.box(box, "frame_info.box")
        fields = self.__dict__  # frozen: bypasses __setattr__
        fields["frame_idx"] = frame_idx
        fields["box"] = box


@dataclass(frozen=True, init=False)
class Tag(Message):
    """A label for a time range of a file.

    `Tag(confidence=0.9)` puts the confidence into `additional_info["confidence"]`.

    Raises:
        MessageError: a value of the wrong type.
    """

    start_time: int = 0
    """Milliseconds from the start of the file; negative if it began in the previous file."""
    end_time: int = 0
    """Milliseconds, >= start_time."""
    tag: str = ""
    """The label."""
    source_media: str = ""
    """The file, exactly as received; "" from an `AVModel` means the file being tagged."""
    track: str = ""
    """Name of the track that the tag belongs to; "" is the default track."""
    additional_info: dict[str, Any] | None = None
    """A dict that can be encoded as a JSON object."""
    frame_info: FrameInfo | None = None
    """The frame, for a tag of a single frame; a dict such as `{"frame_idx": 45}` is converted."""
    vector: list[float] | None = None
    """An embedding; a tuple, array or tensor is converted to a list."""

    def __init__(  # noqa: PLR0913 - one for each field, and the confidence
        self,
        start_time: int = 0,
        end_time: int = 0,
        tag: str = "",
        source_media: str = "",
        track: str = "",
        additional_info: Mapping[str, Any] | None = None,
        frame_info: FrameInfo | Mapping[str, Any] | None = None,
        vector: Any = None,
        *,
        confidence: float | None = None,
    ) -> None:
        if not (type(start_time) is type(end_time) is int and 0 <= start_time <= end_time):
            start_time = field_values.milliseconds(start_time, "start_time")
            end_time = field_values.milliseconds(end_time, "end_time")
        if not type(tag) is type(source_media) is type(track) is str:
            tag = field_values.text(tag, "tag")
            source_media = field_values.text(source_media, "source_media")
            track = field_values.text(track, "track")
        if additional_info is not None and type(additional_info) is not dict:
            additional_info = field_values.additional_info(additional_info, "additional_info")
        if frame_info is not None and type(frame_info) is not FrameInfo:
            frame_info = _checked_frame_info(frame_info)
        if confidence is not None:
            additional_info = with_confidence(additional_info, checked_confidence(confidence))
        fields = self.__dict__  # frozen: bypasses __setattr__; in wire order
        fields["start_time"] = start_time
        fields["end_time"] = end_time
        fields["tag"] = tag
        fields["source_media"] = source_media
        fields["track"] = track
        fields["additional_info"] = additional_info
        fields["frame_info"] = frame_info
        if vector is not None:  # else the class default applies: the wire omits it
            fields["vector"] = field_values.vector(vector, "vector")

    @property
    def confidence(self) -> float | None:
        """The confidence in `additional_info`, 0..1; None if there is none."""
        return confidence_of(self.additional_info)


@dataclass(frozen=True)
class Progress(Message):
    """Every tag of a file is written.

    Raises:
        MessageError: `source_media` is not a str.
    """

    source_media: str
    """The file, exactly as received."""

    def __post_init__(self) -> None:
        if type(self.source_media) is not str:
            _normalise_field(
                self, "source_media", field_values.text(self.source_media, "source_media")
            )


@dataclass(frozen=True)
class ProgressRatio(Message):
    """The fraction of all work that is done; only for a runtime that supports it.

    Raises:
        MessageError: `progress` is not a number from 0 to 100.
    """

    progress: float
    """0..1; a number above 1 is treated as percent."""

    def __post_init__(self) -> None:
        if type(self.progress) is not float or not 0 <= self.progress <= 1:
            _normalise_field(self, "progress", field_values.ratio(self.progress, "progress"))


@dataclass(frozen=True)
class Error(Message):
    """A file, or the tagger, has failed.

    Raises:
        MessageError: a value of the wrong type.
    """

    message: str
    """The text that the user sees."""
    source_media: str | None = None
    """The file, exactly as received; None if the failure concerns no single file."""

    def __post_init__(self) -> None:
        if type(self.message) is not str:
            _normalise_field(self, "message", field_values.text(self.message, "message"))
        if self.source_media is not None and type(self.source_media) is not str:
            _normalise_field(
                self, "source_media", field_values.text(self.source_media, "source_media")
            )


def _checked_frame_info(value: Any) -> FrameInfo:
    if isinstance(value, FrameInfo):
        return value
    if not isinstance(value, Mapping):
        hint = 'write {"frame_idx": 45}'
        raise field_values.wrong("frame_info", "a FrameInfo, a dict or None", value, hint=hint)
    if "frame_idx" not in value:
        missing = 'frame_info.frame_idx is missing; hint: write {"frame_idx": 45}'
        raise MessageError(missing, field="frame_info.frame_idx")
    for key in value:
        if key not in ("frame_idx", "box"):
            expected = "frame_idx or box"
            raise field_values.wrong(f"frame_info.{key}", expected, key, hint="use additional_info")
    return FrameInfo(value["frame_idx"], value.get("box"))


def _normalise_field(message: Message, field: str, value: Any) -> None:
    """Replace a value on construction, bypassing the frozen `__setattr__`."""
    message.__dict__[field] = value
