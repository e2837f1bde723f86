"""What a model returned: that it is tags, and that their values make sense."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from common_ml.errors import ModelOutputError
from common_ml.tagging.checks import shown
from common_ml.tagging.messages import Tag
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.values import box_problem, clipped, is_good_box, times_problem

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger(__name__)

AnyTag = TypeVar("AnyTag", Tag, FrameTag)


@dataclass(frozen=True)
class Shot:
    """Where a picture that a model gets comes from."""

    source_media: str
    """The file, as received."""
    index: int
    """0-based place in the file's order of presentation; 0 for a still picture."""
    seconds: float
    """Time from the first frame of the file."""


def named(shots: Sequence[Shot]) -> str:
    """The frames as they stand in a message: `frame 36 at 1.500 s`."""
    first, last = shots[0], shots[-1]
    if len(shots) == 1:
        return f"frame {first.index} at {first.seconds:.3f} s"
    if first.source_media != last.source_media:  # still pictures that share a call
        return f"pictures {first.source_media} to {last.source_media}"
    return f"frames {first.index} to {last.index} at {first.seconds:.3f} to {last.seconds:.3f} s"


class Judge:
    """Looks at the values of tags where method, file and frame are known.

    Boxes that reach out of 0..1 by at most 1 % are clipped. Whatever else is out of range or order
    is an error, or, for a lenient judge, a warning: the value stays as it is.

    Args:
        strict: False for a lenient one.
        judged_last: Whether every tag comes once more as the last look at it, so that a warning
            waits until then: an author's producer may hand on what one of ours has judged.
    """

    def __init__(self, *, strict: bool = True, judged_last: bool = False) -> None:
        self._strict = strict
        self._judged_last = judged_last
        self._tolerated: Counter[str] = Counter()
        self._num_clipped = 0
        self._first_clipped = ""

    def frame_tags(
        self, returned: object, *, method: str, shot: Shot, size: tuple[int, int]
    ) -> list[FrameTag]:
        """What a model returned for one frame, if it is a list of good FrameTags.

        Args:
            returned: Anything.
            method: As in `Model.tag_frame`.
            shot: The frame.
            size: Its height and width in pixels.

        Raises:
            ModelOutputError: it is not; says what is wrong, where, and the way out.
        """
        tags = tag_list(returned, FrameTag, where=(method, shot))
        for place, tag in enumerate(tags):
            box = tag.box
            if box is not None and not (  # is_good_box, without its call: millions come here
                0 <= box["x1"] <= box["x2"] <= 1 and 0 <= box["y1"] <= box["y2"] <= 1
            ):
                better = self._box(box, tag, method=method, place=named([shot]), size=size)
                tags[place] = dataclasses.replace(tag, box=better)
        return tags

    def tag(self, tag: Tag, *, method: str, is_last: bool = False) -> Tag:
        """A tag whose times and box are good.

        Args:
            tag: Any.
            method: As in `Model.tag`.
            is_last: Whether it is on its way out.

        Raises:
            ModelOutputError: they are not.
        """
        if not 0 <= tag.start_time <= tag.end_time:
            problem = times_problem(tag.start_time, tag.end_time) or ""
            self._tolerate(
                f"{method}: {problem}{_of(tag)}", kind=f"{method}: times", is_last=is_last
            )
        frame = tag.frame_info
        if frame is not None and frame.box is not None and not is_good_box(frame.box):
            place = f"frame {frame.frame_idx} at {tag.start_time / 1000:.3f} s"
            better = self._box(
                frame.box, tag, method=method, place=place, size=None, is_last=is_last
            )
            tag = dataclasses.replace(tag, frame_info=dataclasses.replace(frame, box=better))
        return tag

    def sum_up(self) -> None:
        """Log how often boxes were clipped and values tolerated, a line for each kind."""
        if self._num_clipped:
            logger.warning(
                "%d boxes were clipped that reached out of 0..1 by at most 1 %%, the first in %s",
                self._num_clipped,
                self._first_clipped,
            )
        for kind, number in self._tolerated.items():
            if number > 1:  # one was told when it came
                logger.warning("%s: %d in all were written as they are", kind, number)
        self._num_clipped = 0
        self._tolerated.clear()

    def _box(
        self,
        box: dict[str, float],
        tag: Tag | FrameTag,
        *,
        method: str,
        place: str,
        size: tuple[int, int] | None,
        is_last: bool = False,
    ) -> dict[str, float]:
        better = clipped(box)
        if problem := box_problem(better, size=size):
            field = "" if isinstance(tag, FrameTag) else "frame_info."
            where = f"{method}, {place}"
            self._tolerate(
                f"{where}: {field}{problem}{_of(tag)}", kind=f"{method}: boxes", is_last=is_last
            )
            return box
        self._num_clipped += 1
        self._first_clipped = self._first_clipped or f"{method}, {place}"
        return better

    def _tolerate(self, problem: str, *, kind: str, is_last: bool) -> None:
        if self._strict:
            raise ModelOutputError(problem)
        if self._judged_last and not is_last:
            return
        self._tolerated[kind] += 1
        if self._tolerated[kind] == 1:
            logger.warning("%s; written as it is, as all that follow", problem)


def tag_list(
    returned: object, expected: type[AnyTag], *, where: tuple[str, Shot | None]
) -> list[AnyTag]:
    """What a method returned, as a new list, if it is a list or tuple of tags.

    Raises:
        ModelOutputError: it is not; says what came, where, and the way out.
    """
    if not isinstance(returned, (list, tuple)):
        raise _no_tags(returned, expected, where=where, way_out=_way_to_list(returned, expected))
    tags = list(returned)
    for position, tag in enumerate(tags):
        if not isinstance(tag, expected):
            raise no_tag(tag, expected, where=where, position=position)
    return tags


def no_tag(
    got: object,
    expected: type[AnyTag],
    *,
    where: tuple[str, Shot | None],
    position: int,
) -> ModelOutputError:
    """The error about an element that is no tag."""
    way_out = f" at [{position}]{_way_to_tag(got, expected)}"
    return _no_tags(got, expected, where=where, way_out=way_out)


def _no_tags(
    got: object, expected: type[AnyTag], *, where: tuple[str, Shot | None], way_out: str
) -> ModelOutputError:
    method, shot = where
    place = f", {named([shot])}," if shot else ""
    got_name = "None" if got is None else type(got).__name__
    return ModelOutputError(
        f"{method}{place} must return a list of {expected.__name__}, got {got_name}{way_out}"
    )


def _way_to_list(got: Any, expected: type[AnyTag]) -> str:
    if got is None:
        return "; return [] where there are no tags"
    if isinstance(got, expected):
        return "; put it into a list"
    if isinstance(got, (set, frozenset)) or hasattr(got, "__next__"):
        return "; list() it"
    return f": return [{_example(got, expected)}]" if _example(got, expected) else ""


def _way_to_tag(got: Any, expected: type[AnyTag]) -> str:
    return f": make it {_example(got, expected)}" if _example(got, expected) else ""


def _example(got: Any, expected: type[AnyTag]) -> str:
    """The tag that was meant, as the author would write it; "" where nobody can tell."""
    times = "start_time=..., end_time=..., " if expected is Tag else ""
    text = got if isinstance(got, str) else getattr(got, "tag", None)
    if isinstance(text, str):  # a text, or a tag of the other kind
        return f"{expected.__name__}({times}tag={_short(text)})"
    names = {field.name for field in dataclasses.fields(expected)}
    if isinstance(got, dict) and got and got.keys() <= names:
        return f"{expected.__name__}(**tag)"
    return ""


def _short(text: str) -> str:
    return shown(text).removeprefix("str ")


def _of(tag: Tag | FrameTag) -> str:
    return f"; in the tag {_short(tag.tag)}"
