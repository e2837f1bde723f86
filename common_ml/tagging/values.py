"""Whether boxes and times make sense: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE = 0.01
"""How far a box may reach out of 0..1: detectors round, and their boxes end beyond the picture."""

_SIDES = {
    "x1": ("width", 1),
    "y1": ("height", 0),
    "x2": ("width", 1),
    "y2": ("height", 0),
}
"""Coordinate -> the side it is a part of, and the place of that side in (height, width)."""


def is_good_box(box: Mapping[str, float]) -> bool:
    """Whether all of `box` is in 0..1 and in order."""
    return 0 <= box["x1"] <= box["x2"] <= 1 and 0 <= box["y1"] <= box["y2"] <= 1


def clipped(box: Mapping[str, float]) -> dict[str, float]:
    """The box within 0..1, if it reaches out of it by no more than `TOLERANCE`; else as it is."""
    if all(-TOLERANCE <= value <= 1 + TOLERANCE for value in box.values()):
        return {key: min(max(value, 0.0), 1.0) for key, value in box.items()}
    return dict(box)


def box_problem(box: Mapping[str, float], *, size: tuple[int, int] | None = None) -> str | None:
    """What is wrong with a box, or None: field, expectation, value and way out.

    Args:
        box: x1, y1, x2, y2.
        size: Height and width of the frame in pixels, where they are known.
    """
    for key, (side, place) in _SIDES.items():
        value = box[key]
        if not 0 <= value <= 1:
            length = f" ({size[place]})" if size else ""
            if any(other > 1 + TOLERANCE for other in box.values()):
                way_out = f"looks like pixels, divide by the {side}{length}"
            else:
                way_out = f"it is a part of the {side}{length}, from the left or the top"
            return f"box.{key} must be 0..1, got {value}: {way_out}"
    for low, high in (("x1", "x2"), ("y1", "y2")):
        if box[low] > box[high]:
            expected = f"<= box.{high} ({box[high]})"
            return f"box.{low} must be {expected}, got {box[low]}: exchange the two"
    return None


def times_problem(start_time: int, end_time: int) -> str | None:
    """What is wrong with the times of a tag, or None: field, expectation, value and way out."""
    for field, value in (("start_time", start_time), ("end_time", end_time)):
        if value < 0:
            return f"{field} must be >= 0, got {value}: times count from the start of the file"
    if end_time < start_time:
        expected = f">= start_time ({start_time})"
        return f"end_time must be {expected}, got {end_time}: exchange the two"
    return None
