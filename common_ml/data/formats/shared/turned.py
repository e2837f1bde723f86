"""Rotate annotations made on the stored picture by its EXIF orientation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.data.formats.shared.shapes import KEY, geometry_of
from common_ml.data.geometry import Box, Mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.data.record import Annotation, Record

    Point = tuple[float, float]

_POINTS: dict[int, Callable[[float, float], Point]] = {
    5: lambda x, y: (y, x),
    6: lambda x, y: (1 - y, x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (y, 1 - x),
}
"""Orientation -> map a point of the stored picture, 0..1, to the displayed one."""


def turned(record: Record, orientation: int) -> Record:
    """Return the record in coordinates of the displayed picture, with its size.

    Args:
        record: In 0..1 of the stored picture.
        orientation: EXIF's, 5..8: those that swap width and height.
    """
    move = _POINTS[orientation]
    size = (record.width or 1, record.height or 1)
    made = tuple(_turned(one, move, orientation, size) for one in record.annotations)
    return replace(record, width=record.height, height=record.width, annotations=made)


def _turned(
    annotation: Annotation,
    move: Callable[[float, float], Point],
    orientation: int,
    size: tuple[int, int],
) -> Annotation:
    box, corners, mask = annotation.box, annotation.polygon, annotation.mask
    if box is not None:
        box = Box.around([move(box.x1, box.y1), move(box.x2, box.y2)])
    if corners is not None:
        corners = tuple(move(x, y) for x, y in corners)
    if mask is not None and mask.counts is not None:
        mask = Mask.from_array(_turned_array(mask.to_array(), orientation))
    attributes = _turned_shape(annotation, move, size)
    return replace(annotation, box=box, polygon=corners, mask=mask, attributes=attributes)


def _turned_array(inside: Any, orientation: int) -> Any:
    """Rotate an annotation by an EXIF orientation."""
    turns = {5: (inside.T,), 6: (np.rot90(inside, -1),), 7: (np.rot90(inside.T, 2),),
             8: (np.rot90(inside, 1),)}  # fmt: skip
    return turns[orientation][0]


def _turned_shape(
    annotation: Annotation, move: Callable[[float, float], Point], size: tuple[int, int]
) -> dict[str, Any]:
    """Return the attributes with transformed geometry; pixels stay pixels."""
    attributes = dict(annotation.attributes)
    geometry = geometry_of(annotation)
    if geometry is None or "points" not in geometry:
        return attributes
    width, height = size if geometry.get("unit") == "pixel" else (1, 1)
    points = []
    for x, y in geometry["points"]:
        a, b = move(x / width, y / height)
        points.append([a * height, b * width] if geometry.get("unit") == "pixel" else [a, b])
    kept = {"type": geometry.get("type"), "unit": geometry.get("unit"), "points": points}
    attributes[KEY] = kept
    return attributes
