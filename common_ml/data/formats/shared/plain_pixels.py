"""Convert 0..1 to pixels, in the fewest digits that convert back: 1014, not 1013.9999999."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.data.geometry import Box, Polygon

_DIGITS = (0, 1, 2, 3, 6, 9)


def plain_polygon(corners: Polygon, width: float, height: float) -> Polygon:
    """Convert the corners of a polygon from 0..1 to pixels.

    Args:
        corners: In 0..1 of the picture.
        width: Of the picture; 1 where the corners are in pixels already.
        height: Of the picture; 1 where the corners are in pixels already.
    """
    return tuple((_share(x, width), _share(y, height)) for x, y in corners)


def plain_box(box: Box, width: float, height: float) -> tuple[float, float, float, float]:
    """Convert a box from 0..1 to left, top, width, height in pixels; arguments as above."""
    left, top = _share(box.x1, width), _share(box.y1, height)
    return (
        left,
        top,
        _shortest(box.x2 * width - left, lambda one: (left + one) / width == box.x2),
        _shortest(box.y2 * height - top, lambda one: (top + one) / height == box.y2),
    )


def _share(value: float, size: float) -> float:
    return _shortest(value * size, lambda one: one / size == value)


def _shortest(value: float, is_same: Callable[[float], bool]) -> float:
    for digits in _DIGITS:
        short = round(value, digits)
        if is_same(short):
            return int(short) if short == int(short) else short
    return value
