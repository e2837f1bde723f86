"""Check the range and order of boxes and times; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE = 0.01
"""Tolerance of a box beyond 0..1 in a strict job: detectors round."""
MAX_OVERHANG = 0.5
"""Tolerance of a fraction beyond 0..1; a value further out has another unit, such as pixels."""

_SIDES = {
    "x1": ("width", 1),
    "y1": ("height", 0),
    "x2": ("width", 1),
    "y2": ("height", 0),
}
"""Coordinate -> the side it is a fraction of, and the index of that side in (height, width)."""


def is_good_box(box: Mapping[str, float]) -> bool:
    """Return whether all of `box` is in 0..1 and in order."""
    return 0 <= box["x1"] <= box["x2"] <= 1 and 0 <= box["y1"] <= box["y2"] <= 1


def overhang(box: Mapping[str, float]) -> float:
    """Return how far a box exceeds 0..1, >= 0."""
    return max(0.0, -min(box.values()), max(box.values()) - 1)


def clipped(box: Mapping[str, float]) -> dict[str, float]:
    """Return the box clipped to 0..1."""
    return {key: min(max(value, 0.0), 1.0) for key, value in box.items()}


def range_problem(box: Mapping[str, float], *, size: tuple[int, int] | None = None) -> str | None:
    """Return the problem with the range of a box, or None: field, expected, got and hint.

    Args:
        box: x1, y1, x2, y2.
        size: Height and width of the frame in pixels; None if unknown.
    """
    is_pixels = overhang(box) > MAX_OVERHANG
    for key, (side, place) in _SIDES.items():
        value = box[key]
        if not 0 <= value <= 1:
            length = f" ({size[place]})" if size else ""
            hint = f"divide pixels by the {side}{length}"
            if not is_pixels:
                hint = f"clip it: it is a share of the {side}{length}"
            return f"box.{key} must be 0..1, got {value}; hint: {hint}"
    return None


def order_problem(box: Mapping[str, float]) -> str | None:
    """Return the problem with the order of a box's sides, or None."""
    for low, high in (("x1", "x2"), ("y1", "y2")):
        if box[low] > box[high]:
            expected = f"<= box.{high} ({box[high]})"
            hint = "exchange the two"
            if 0 <= box[low] + box[high] <= 1:  # as in x, y, width, height
                hint = f"if {high} is a length, write {high} = {low} + length; else exchange them"
            return f"box.{low} must be {expected}, got {box[low]}; hint: {hint}"
    return None


def times_problem(start_time: int, end_time: int) -> str | None:
    """Return the problem with the times of a tag, or None: field, expected, got and hint."""
    for field, value in (("start_time", start_time), ("end_time", end_time)):
        if value < 0:
            hint = "count from the start of the file"
            return f"{field} must be >= 0, got {value}; hint: {hint}"
    if end_time < start_time:
        expected = f">= start_time ({start_time})"
        return f"end_time must be {expected}, got {end_time}; hint: exchange the two"
    return None
