"""Error policy of readers: raise on an invalid annotation, or skip and report it.

An unambiguous annotation is repaired either way, and the repair is counted: a negative
width or height is the same rectangle measured from its other corner, and an edge within 1 % of the
picture's size outside of it is moved to the border.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from common_ml.data.geometry import Box
from common_ml.data.report import Report
from common_ml.errors import FormatError, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from common_ml.data.formats.shared.items import Item
    from common_ml.data.geometry import Polygon
    from common_ml.data.record import Annotation

OnError = Literal["raise", "skip"]
"""raise: the first invalid annotation ends the reading; skip: it is left out."""

CLIP_SHARE = 0.01
"""How far outside of the picture an edge may lie to count as on its border."""
FLIPPED = "negative width or height: box measured from its other corner"
CLIPPED = "edge up to 1 % outside of the picture: clipped"
HINT = '; hint: on_error="skip" (--skip-bad) leaves it out and reports it'
CUT = "box or polygon more than 1 % outside of the picture: cut at its border"


class ErrorPolicy:
    """The policy of one reader, and its report.

    `with policy:` skips what fails in the block with a FormatError or RecordError, if errors are
    skipped.
    """

    def __init__(self, on_error: OnError = "raise", report: Report | None = None) -> None:
        """Prepare.

        Raises:
            ValueError: on_error is neither "raise" nor "skip".
        """
        if on_error not in ("raise", "skip"):
            raise ValueError(f"on_error must be raise or skip, got {on_error!r}")
        self.skips = on_error == "skip"
        self.report = Report() if report is None else report

    def __enter__(self) -> None:
        """Begin a block that may be skipped."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, (FormatError, RecordError)):
            return False
        if not self.skips:
            _add_hint(error)
            return False
        self.note(error)
        return True

    def note(self, error: FormatError | RecordError) -> None:
        """Report an item skipped because of an error."""
        if isinstance(error, RecordError):
            self.report.skip(error.field or "record", str(error))
            return
        reason = str(error).removeprefix(f"{error.path}: ").removeprefix(error.place)
        place = error.place or str(error.path)
        self.report.skip(place, reason.removeprefix(", ").removeprefix(": "), place=place)

    def fail(self, error: FormatError) -> None:
        """Raise an error, or report it where errors are skipped."""
        if not self.skips:
            _add_hint(error)
            raise error
        self.note(error)

    def children(self, item: Item, key: str) -> Iterator[Item]:
        """Yield the objects in the list at a key; with "skip", other values are left out."""
        values: list[Any] = []
        with self:
            values = item.listed(key)
        for number, value in enumerate(values):
            at = f"{key}[{number}]"
            if isinstance(value, Mapping):
                yield replace(item, data=value, inside=item.field(at))
            else:
                self.fail(item.error(f"must be an object, got {value!r:.80}", field=at))

    def mapping(self, item: Item, key: str) -> Mapping[str, Any]:
        """Return the object at a key; with "skip", empty where it is something else."""
        with self:
            return item.mapping(key)
        return {}

    def repair(self, what: str) -> None:
        """Count a repair."""
        self.report.repaired[what] += 1

    def box(self, x1: float, y1: float, x2: float, y2: float) -> Box:
        """Return the rectangle between two opposite corners.

        Raises:
            RecordError: an edge is not a finite number.
        """
        if x1 > x2 or y1 > y2:
            self.repair(FLIPPED)
            (x1, x2), (y1, y2) = sorted((x1, x2)), sorted((y1, y2))
        return Box(x1, y1, x2, y2)

    def clipped(self, box: Box) -> Box:
        """Clip edges within 1 % of 0..1; a box that is further out stays."""
        if not _is_near(box.x1, box.y1, box.x2, box.y2):
            return box
        self.repair(CLIPPED)
        return box.clipped()

    def cut(self, box: Box) -> Box:
        """Clip a box to the picture, 0..1, and count it.

        Raises:
            RecordError: nothing of it is in the picture.
        """
        _must_be_inside((box.x1, box.x2), (box.y1, box.y2), "box")
        if box.x1 >= 0 and box.y1 >= 0 and box.x2 <= 1 and box.y2 <= 1:
            return box
        self._count_clipped(box.x1, box.y1, box.x2, box.y2)
        return box.clipped()

    def cut_polygon(self, corners: Polygon) -> Polygon:
        """Clip the corners of a polygon to the picture, 0..1, and count it.

        Raises:
            RecordError: nothing of it is in the picture.
        """
        if corners:
            _must_be_inside([x for x, _ in corners], [y for _, y in corners], "polygon")
        numbers = [value for point in corners for value in point]
        if not numbers or (min(numbers) >= 0 and max(numbers) <= 1):
            return corners
        self._count_clipped(*numbers)
        return tuple((min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in corners)

    def _count_clipped(self, *values: float) -> None:
        self.repair(CLIPPED if _is_near(*values) else CUT)

    def inside(self, annotation: Annotation) -> Annotation:
        """Clip edges of an annotation within 1 % of 0..1; what is further out stays."""
        box, corners = annotation.box, annotation.polygon
        changed = False
        if box is not None and _is_near(box.x1, box.y1, box.x2, box.y2):
            box, changed = box.clipped(), True
        if corners is not None and _is_near(*(value for point in corners for value in point)):
            corners = tuple((min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in corners)
            changed = True
        if not changed:
            return annotation
        self.repair(CLIPPED)
        return replace(annotation, box=box, polygon=corners)


def _is_near(*values: float) -> bool:
    """Whether some are outside 0..1, and all of those by at most 1 %."""
    lowest, highest = min(values), max(values)
    is_outside = lowest < 0 or highest > 1
    return is_outside and lowest >= -CLIP_SHARE and highest <= 1 + CLIP_SHARE


def _must_be_inside(xs: Sequence[float], ys: Sequence[float], field: str) -> None:
    for values in (xs, ys):
        if min(values) >= 1 < max(values) or min(values) < 0 >= max(values):
            raise RecordError(
                f"{field} lies outside of the picture, 0..1: x {min(xs):g}..{max(xs):g}, y "
                f"{min(ys):g}..{max(ys):g}; hint: divide pixels by the size of the picture",
                field=field,
            )


def _add_hint(error: FormatError | RecordError) -> None:
    """Say how to go on, where the message has no hint yet."""
    text = str(error)
    if "hint: " not in text:
        error.args = (text + HINT,)
