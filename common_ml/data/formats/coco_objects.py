"""Annotations on their way into COCO: pixels, segmentations, categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.masks import coco_text, counted
from common_ml.data.record import Box

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from common_ml.data.record import Annotation, Mask, Polygon, Record
    from common_ml.data.report import Report

_OWN_KEYS = {"iscrowd", "area", "keypoints", "num_keypoints", "category", "more_polygons"}


@dataclass(frozen=True)
class Place:
    """Where in a picture an annotation is, in pixels."""

    annotation: Annotation
    box: Box
    polygons: tuple[Polygon, ...]
    mask: Mask | None


class Categories:
    """The labels that occur, with the ids that they bring along or get."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def add(self, label: str, category: Any = None) -> None:
        """Note a label, and what is known of it."""
        own = dict(category) if isinstance(category, dict) else {}
        known = self._known.setdefault(label, own)
        if not known:
            known.update(own)

    def objects(self) -> list[dict[str, Any]]:
        """COCO's categories: brought ids are kept where no other label has them."""
        taken: set[int] = set()
        for category in self._known.values():
            number = category.get("id")
            if not isinstance(number, int) or number in taken:
                category["id"] = None
            else:
                taken.add(number)
        free = (number for number in range(1, len(taken) + len(self._known) + 1))
        for label in sorted(self._known):
            if self._known[label].get("id") is None:
                self._known[label]["id"] = next(one for one in free if one not in taken)
        objects = [
            {"id": category["id"], "name": label, **category}
            for label, category in self._known.items()
        ]
        return sorted(objects, key=lambda one: int(one["id"]))

    def resolve(self, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> None:
        """Puts ids where names stand for them."""
        for annotation in annotations:
            annotation["category_id"] = self._known[annotation["category_id"]]["id"]
        for image in images:
            if "neg_category_ids" in image:
                names = image["neg_category_ids"]
                image["neg_category_ids"] = [self._known[name]["id"] for name in names]


def places(
    record: Record, media_root: str | os.PathLike[str] | None, report: Report
) -> Iterator[Place]:
    """The annotations that are somewhere in the picture; the others go to the report."""
    x, y = (record.width or 1, record.height or 1) if record.unit == "ratio" else (1, 1)
    placeless = absent = 0
    for annotation in record.annotations:
        polygons, mask = _polygons(annotation, x, y), None
        if annotation.mask is not None and polygons:
            report.warn("a mask beside a polygon is not kept")
        elif annotation.mask is not None:
            mask = counted(annotation.mask, media_root)
            if mask is None:
                report.skip(record.id, f"the label image {annotation.mask.image!r} is not here")
                continue
        box = _box(annotation, polygons, mask, x, y)
        if box is None or annotation.value == 0:
            placeless += annotation.value
            absent += box is not None
            continue
        if annotation.vector is not None:
            report.warn("vectors are not kept")
        yield Place(annotation, box, polygons, mask)
    if placeless:
        report.skip(record.id, f"{placeless} of its annotations have no place in the picture")
    if absent:
        report.skip(record.id, f"{absent} of its annotations are absent from a place in it")


def object_of(place: Place, categories: Categories) -> dict[str, Any]:
    """COCO's annotation; its category is still a name, and the picture is not in it."""
    annotation, box = place.annotation, place.box
    attributes = annotation.attributes
    categories.add(annotation.label, attributes.get("category"))
    others = {key: value for key, value in attributes.items() if key not in _OWN_KEYS}
    data: dict[str, Any] = {
        "category_id": annotation.label,
        "bbox": [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1],
        "area": attributes.get("area", _area(place)),
        "iscrowd": attributes.get("iscrowd", 0),
    }
    if place.polygons:
        data["segmentation"] = [
            [number for point in one for number in point] for one in place.polygons
        ]
    elif place.mask is not None and place.mask.counts is not None:
        size = [place.mask.height, place.mask.width]
        data["segmentation"] = {"size": size, "counts": coco_text(place.mask.counts)}
    data |= {key: attributes[key] for key in ("keypoints", "num_keypoints") if key in attributes}
    if annotation.confidence is not None:
        data["score"] = annotation.confidence
    if annotation.track:
        data["track"] = annotation.track
    if others:
        data["attributes"] = others
    return data


def _polygons(annotation: Annotation, x: float, y: float) -> tuple[Polygon, ...]:
    if annotation.polygon is None:
        return ()
    first = tuple((a * x, b * y) for a, b in annotation.polygon)
    more = annotation.attributes.get("more_polygons", ())
    return (first, *(tuple((a, b) for a, b in one) for one in more))


def _box(
    annotation: Annotation, polygons: Sequence[Polygon], mask: Mask | None, x: float, y: float
) -> Box | None:
    if annotation.box is not None:
        return annotation.box.scaled(x, y)
    if polygons:
        return Box.around(point for one in polygons for point in one)
    if mask is None:
        return None
    rows, columns = mask.to_array().nonzero()
    if not rows.size:
        return Box(0, 0, 0, 0)
    return Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def _area(place: Place) -> float:
    if place.polygons:
        return sum(map(_polygon_area, place.polygons))
    if place.mask is not None and place.mask.counts is not None:
        return float(sum(place.mask.counts[1::2]))
    box = place.box
    return (box.x2 - box.x1) * (box.y2 - box.y1)


def _polygon_area(corners: Polygon) -> float:
    shifted = (*corners[1:], corners[0])
    pairs = zip(corners, shifted, strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2
