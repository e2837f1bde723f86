"""Convert boxes and polygons from pixels to 0..1 of the picture, clipped at its border."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from common_ml.data.formats.shared.policy import CLIP_SHARE, CLIPPED, CUT
from common_ml.data.geometry import Box

if TYPE_CHECKING:
    from common_ml.data.formats.shared.policy import ErrorPolicy
    from common_ml.data.record import Annotation, Polygon, Record


def in_ratio(record: Record, width: int, height: int, policy: ErrorPolicy) -> Record:
    """Convert a record's boxes and polygons to 0..1; clipped edges are counted.

    Args:
        record: In pixels, or already in 0..1: then only its size is set.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        policy: Counts what is clipped.
    """
    if record.unit == "ratio":
        if (record.width, record.height) == (width, height):
            return record
        return replace(record, width=width, height=height)
    made = tuple(annotation_in_ratio(one, width, height, policy) for one in record.annotations)
    return replace(record, width=width, height=height, unit="ratio", annotations=made)


def annotation_in_ratio(
    annotation: Annotation, width: int, height: int, policy: ErrorPolicy
) -> Annotation:
    """Convert one annotation of a picture of that size; arguments as above."""
    box, corners = annotation.box, annotation.polygon
    if box is None and corners is None:
        return annotation
    if box is not None:
        box = _box(box, width, height, policy)
    if corners is not None:
        corners = _polygon(corners, width, height, policy)
    return annotation.with_place(box, corners)


def _box(box: Box, width: int, height: int, policy: ErrorPolicy) -> Box:
    x1, y1, x2, y2 = box.x1 / width, box.y1 / height, box.x2 / width, box.y2 / height
    if x1 >= 0 and y1 >= 0 and x2 <= 1 and y2 <= 1:
        return Box(x1, y1, x2, y2)
    _count(min(x1, y1), max(x2, y2), policy)
    return Box(_unit(x1), _unit(y1), _unit(x2), _unit(y2))


def _polygon(corners: Polygon, width: int, height: int, policy: ErrorPolicy) -> Polygon:
    xs = [x / width for x, _ in corners]
    ys = [y / height for _, y in corners]
    lowest, highest = min(*xs, *ys), max(*xs, *ys)
    if lowest < 0 or highest > 1:
        _count(lowest, highest, policy)
        xs, ys = [_unit(x) for x in xs], [_unit(y) for y in ys]
    return tuple(zip(xs, ys, strict=True))


def _count(lowest: float, highest: float, policy: ErrorPolicy) -> None:
    is_near = lowest >= -CLIP_SHARE and highest <= 1 + CLIP_SHARE
    policy.repair(CLIPPED if is_near else CUT)


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)
