"""Validate the output of a model: tags with values in range."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from common_ml.errors import ModelOutputError
from common_ml.tagging.calls.author_hints import result_hint
from common_ml.tagging.calls.seconds_check import SecondsCheck
from common_ml.tagging.calls.values import (
    MAX_OVERHANG,
    TOLERANCE,
    clipped,
    is_good_box,
    order_problem,
    overhang,
    range_problem,
    times_problem,
)
from common_ml.tagging.field_values import ReducedBox, shown
from common_ml.tagging.messages import Tag
from common_ml.tagging.models.tag_types import FrameTag

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

AnyTag = TypeVar("AnyTag", Tag, FrameTag)


@dataclass(frozen=True)
class FrameRef:
    """Origin of an image that is passed to a model."""

    source_media: str
    """The path as received."""
    index: int
    """0-based index in presentation order; 0 for a still image."""
    seconds: float
    """Seconds from the first frame of the file."""
    previous_seconds: float | None = None
    """Time of the sampled frame before it; None for the first of a file, or a still image."""
    size: tuple[int, int] | None = None
    """Width and height of the whole picture, where the image is of another size."""


def named(shots: Sequence[FrameRef]) -> str:
    """Return the frames as text for a message: `frame 36 at 1.500 s`."""
    first, last = shots[0], shots[-1]
    if len(shots) == 1:
        return f"frame {first.index} at {first.seconds:.3f} s"
    if first.source_media != last.source_media:  # still images that share a call
        return f"pictures {first.source_media} to {last.source_media}"
    return f"frames {first.index} to {last.index} at {first.seconds:.3f} to {last.seconds:.3f} s"


@dataclass(frozen=True)
class _Place:
    """Origin of a tag, for messages."""

    method: str
    """Such as `Model.tag_frame`."""
    frame: str
    """Such as `frame 36 at 1.500 s`; "" if the frame is unknown."""
    field: str
    """Prefix of the field names: "" or `frame_info.`."""
    text: str
    """Index of the tag."""
    size: tuple[int, int] | None = None
    """Height and width of the frame; None if unknown."""
    is_last: bool = False
    """Whether the tag will not be validated again."""

    def sentence(self, problem: str) -> str:
        where = f"{self.method}, {self.frame}" if self.frame else self.method
        return f"{where}: {problem}; in the tag {_short(self.text)}"


class OutputValidator:
    """Validate the values of tags, with method, file and frame in the messages.

    Implausible values, such as a box in pixels, are always errors. Otherwise boxes beyond 0..1 are
    clipped, unknown keys of a box are dropped, and values that are out of order or negative are
    written unchanged: with one warning per kind, and a count at the end. In a strict job these are
    errors too, except boxes that exceed the range by at most 1 %.

    Args:
        strict: Whether values out of range or order are errors.
        validated_last: Whether every tag is validated once more before it is written, so that
            warnings are deferred: an author's producer may pass on validated tags.
    """

    def __init__(self, *, strict: bool = False, validated_last: bool = False) -> None:
        self._strict = strict
        self._judged_last = validated_last
        self._tolerated: Counter[tuple[str, str]] = Counter()
        self._num_clipped = 0
        self._first_clipped = ""
        self.seconds = SecondsCheck()
        """Notices times in seconds."""

    def frame_tags(
        self, returned: object, *, method: str, shot: FrameRef, size: tuple[int, int]
    ) -> list[FrameTag]:
        """Return the model's result for one frame as a list of valid FrameTags.

        Args:
            returned: The model's result, of any type.
            method: Such as `Model.tag_frame`.
            shot: The frame.
            size: Its height and width in pixels.

        Raises:
            ModelOutputError: it is invalid; the message has the place and a hint.
        """
        tags = tag_list(returned, FrameTag, where=(method, shot))
        for position, tag in enumerate(tags):
            box = tag.box
            if box is not None and not (  # is_good_box, inlined: this runs for millions of tags
                type(box) is dict
                and 0 <= box["x1"] <= box["x2"] <= 1
                and 0 <= box["y1"] <= box["y2"] <= 1
            ):
                place = _Place(method, named([shot]), "", tag.tag, size)
                valid = self._box(box, place)
                tags[position] = dataclasses.replace(tag, box=valid)
        return tags

    def tag(self, tag: Tag, *, method: str, is_last: bool = False) -> Tag:
        """Return the tag with its times and box validated.

        Args:
            tag: The tag.
            method: Such as `Model.tag`.
            is_last: Whether it will not be validated again.

        Raises:
            ModelOutputError: times or box are neither valid nor tolerated.
        """
        frame = tag.frame_info
        if 0 <= tag.start_time <= tag.end_time and frame is None:
            return tag
        if not 0 <= tag.start_time <= tag.end_time:
            problem = times_problem(tag.start_time, tag.end_time) or ""
            self._tolerate(problem, "times", _Place(method, "", "", tag.tag, is_last=is_last))
        if frame is None:
            return tag
        at = f"frame {frame.frame_idx} at {tag.start_time / 1000:.3f} s"
        place = _Place(method, at, "frame_info.", tag.tag, is_last=is_last)
        if frame.frame_idx < 0:
            problem = f"frame_info.frame_idx must be >= 0, got {frame.frame_idx}"
            self._tolerate(f"{problem}; hint: count frames from 0", "frame numbers", place)
        box = frame.box
        if box is not None and not (type(box) is dict and is_good_box(box)):
            valid = self._box(box, place)
            tag = dataclasses.replace(tag, frame_info=dataclasses.replace(frame, box=valid))
        return tag

    def log_summary(self) -> None:
        """Log how often boxes were clipped and values tolerated, one line per kind."""
        if self._num_clipped:
            logger.warning(
                "boxes clipped that reached out of 0..1: %d, the first in %s",
                self._num_clipped,
                self._first_clipped,
            )
        for (method, kind), number in self._tolerated.items():
            if number > 1:  # the first was reported when it came
                logger.warning("%s: %s: %d in all were tolerated", method, kind, number)
        self._num_clipped = 0
        self._tolerated.clear()

    def _box(self, box: dict[str, float], place: _Place) -> dict[str, float]:
        if isinstance(box, ReducedBox):
            names = ", ".join(map(repr, box.dropped))
            problem = f"{place.field}box must have no keys but x1, y1, x2, y2, got {names:.80}"
            hint = "put them into additional_info"
            self._tolerate(f"{problem}; hint: {hint}", "keys of boxes", place, done="left out")
        far = overhang(box)
        if far > (TOLERANCE if self._strict else MAX_OVERHANG):
            problem = range_problem(box, size=place.size) or ""
            raise ModelOutputError(place.sentence(f"{place.field}{problem}"))
        if far:
            self._count_clipped(box, place)
            box = clipped(box)
        if disorder := order_problem(box):
            self._tolerate(f"{place.field}{disorder}", "boxes", place)
        return dict(box)

    def _count_clipped(self, box: dict[str, float], place: _Place) -> None:
        self._num_clipped += 1
        if not self._first_clipped:
            problem = (range_problem(box, size=place.size) or "").partition(";")[0]
            self._first_clipped = f"{place.method}, {place.frame}: {place.field}{problem}"

    def _tolerate(
        self, problem: str, kind: str, place: _Place, *, done: str = "written as it is"
    ) -> None:
        if self._strict:
            raise ModelOutputError(place.sentence(problem))
        if self._judged_last and not place.is_last:
            return
        self._tolerated[place.method, kind] += 1
        if self._tolerated[place.method, kind] == 1:
            logger.warning("%s; %s, as all that follow", place.sentence(problem), done)


def tag_list(
    returned: object, expected: type[AnyTag], *, where: tuple[str, FrameRef | None]
) -> list[AnyTag]:
    """Return the result of a method as a new list, if it is a list or tuple of tags.

    Raises:
        ModelOutputError: it is not; the message has what was returned, the place and a hint.
    """
    if not isinstance(returned, (list, tuple)):
        raise _not_tags(returned, expected, where=where, hint=_list_hint(returned, expected))
    tags = list(returned)
    for position, tag in enumerate(tags):
        if not isinstance(tag, expected):
            raise not_a_tag(tag, expected, where=where, position=position)
    return tags


def not_a_tag(
    got: object,
    expected: type[AnyTag],
    *,
    where: tuple[str, FrameRef | None],
    position: int,
) -> ModelOutputError:
    """Return the error about an element that is not a tag."""
    hint = f" at [{position}]{_tag_hint(got, expected)}"
    return _not_tags(got, expected, where=where, hint=hint)


def _not_tags(
    got: object, expected: type[AnyTag], *, where: tuple[str, FrameRef | None], hint: str
) -> ModelOutputError:
    method, shot = where
    place = f", {named([shot])}," if shot else ""
    got_name = "None" if got is None else type(got).__name__
    return ModelOutputError(
        f"{method}{place} must return a list of {expected.__name__}, got {got_name}{hint}"
    )


def _list_hint(got: Any, expected: type[AnyTag]) -> str:
    if got is None:
        return "; hint: return [] where there are no tags"
    if isinstance(got, expected):
        return "; hint: put it into a list"
    if hint := result_hint(got):
        return f"; hint: {hint}"
    if isinstance(got, (set, frozenset)) or hasattr(got, "__next__"):
        return "; hint: call list() on it"
    return f"; hint: return [{_example(got, expected)}]" if _example(got, expected) else ""


def _tag_hint(got: Any, expected: type[AnyTag]) -> str:
    return f"; hint: make it {_example(got, expected)}" if _example(got, expected) else ""


def _example(got: Any, expected: type[AnyTag]) -> str:
    """Return code for the intended tag, for a hint; "" if it is unclear."""
    times = "start_time=..., end_time=..., " if expected is Tag else ""
    text = got if isinstance(got, str) else getattr(got, "tag", None)
    if isinstance(text, str):  # a str, or a tag of the other class
        return f"{expected.__name__}({times}tag={_short(text)})"
    names = {field.name for field in dataclasses.fields(expected)}
    if isinstance(got, dict) and got and got.keys() <= names:
        return f"{expected.__name__}(**tag)"
    return ""


def _short(text: str) -> str:
    return shown(text).removeprefix("str ")
