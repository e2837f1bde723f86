"""Fast path for common COCO annotations, ten times as fast: a box and one polygon.

Anything else is left to the reader, which repairs, reports and explains. What is made here passes
the checks of `Annotation` and `Box` by construction, so they are skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.data.record import Annotation, Box

if TYPE_CHECKING:
    from collections.abc import Mapping

_USUAL_KEYS = frozenset(
    {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation"}
)


def usual_annotation(
    data: Mapping[str, Any], label: str, category: dict[str, Any], width: int, height: int
) -> Annotation | None:
    """Convert to an annotation in 0..1; None: not a common one.

    Args:
        data: One of a file's annotations.
        label: Name of its category.
        category: The rest of its category.
        width: Of the image, in pixels, > 0.
        height: Of the image, in pixels, > 0.
    """
    is_usual = data.keys() <= _USUAL_KEYS
    if not is_usual or any(isinstance(data.get(key), str) for key in ("iscrowd", "area")):
        return None
    attributes: dict[str, Any] = {}
    if data.get("iscrowd"):
        attributes["iscrowd"] = data["iscrowd"]
    if data.get("area"):
        attributes["area"] = data["area"]
    attributes["category"] = category
    box = polygon = None
    try:
        numbers = data.get("bbox")
        if numbers:
            x, y, w, h = numbers
            right, bottom = x + w, y + h
            if not (
                x >= 0 and y >= 0 and w >= 0 and h >= 0 and right <= width and bottom <= height
            ):
                return None
            box = object.__new__(Box)
            vars(box).update(x1=x / width, y1=y / height, x2=right / width, y2=bottom / height)
        polygons = data.get("segmentation")
        if polygons:
            (numbers,) = polygons
            xs, ys = numbers[::2], numbers[1::2]
            if len(numbers) < 6 or len(xs) != len(ys):
                return None
            if min(xs) < 0 or min(ys) < 0 or max(xs) > width or max(ys) > height:
                return None
            polygon = tuple([(x / width, y / height) for x, y in zip(xs, ys, strict=True)])
    except (TypeError, ValueError, KeyError):  # not numbers, or not so many of them
        return None
    return Annotation.inside(label, box, polygon, attributes)
