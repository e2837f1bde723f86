"""Convert annotations to COCO objects: pixels, segmentations, categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.masks import coco_text, counted
from common_ml.data.formats.shared.media import pixel_scale
from common_ml.data.formats.shared.plain_pixels import plain_box, plain_polygon
from common_ml.data.formats.shared.shapes import is_points
from common_ml.data.record import Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.record import Annotation, Mask, Polygon, Record
    from common_ml.data.report import Report

_OWN_KEYS = {"iscrowd", "area", "keypoints", "num_keypoints", "category", "more_polygons"}


@dataclass(frozen=True)
class PlacedObject:
    """Geometry of an annotation, in pixels."""

    annotation: Annotation
    box: tuple[float, float, float, float]
    """Left, top, width, height."""
    polygons: tuple[Polygon, ...]
    mask: Mask | None


class Categories:
    """The labels that occur, with their given or assigned ids."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def add(self, label: str, category: Any = None) -> None:
        """Add a label and its category."""
        own = dict(category) if isinstance(category, dict) else {}
        known = self._known.setdefault(label, own)
        if not known:
            known.update(own)

    def objects(self) -> list[dict[str, Any]]:
        """Return COCO's categories: given ids are kept where they are unique."""
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
        """Replace category names by ids."""
        for annotation in annotations:
            annotation["category_id"] = self._known[annotation["category_id"]]["id"]
        for image in images:
            if "neg_category_ids" in image:
                names = image["neg_category_ids"]
                image["neg_category_ids"] = [self._known[name]["id"] for name in names]


def places(record: Record, media: MediaFiles, report: Report) -> Iterator[PlacedObject]:
    """Yield the annotations with a geometry; the others go to the report."""
    x, y = pixel_scale(record) or (1, 1)  # without a size there are no boxes and polygons
    placeless = absent = 0
    for annotation in record.annotations:
        polygons, mask = _polygons(annotation, x, y), None
        if annotation.mask is not None and polygons:
            report.warn("a mask beside a polygon is not kept")
        elif annotation.mask is not None:
            mask = counted(annotation.mask, media)
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
        yield PlacedObject(annotation, box, polygons, mask)
    if placeless:
        report.skip(record.id, f"{placeless} of its annotations have no place in the picture")
    if absent:
        report.skip(record.id, f"{absent} of its annotations are absent from a place in it")


def object_of(place: PlacedObject, categories: Categories) -> dict[str, Any]:
    """Convert to a COCO annotation, with the category's name and without image id."""
    annotation = place.annotation
    attributes = annotation.attributes
    categories.add(annotation.label, attributes.get("category"))
    others = {key: value for key, value in attributes.items() if key not in _OWN_KEYS}
    data: dict[str, Any] = {
        "category_id": annotation.label,
        "bbox": list(place.box),
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
    first = plain_polygon(annotation.polygon, x, y)
    more = annotation.attributes.get("more_polygons")
    given = more if isinstance(more, (list, tuple)) else ()
    return (first, *(tuple((a, b) for a, b in one) for one in given if _is_polygon(one)))


def _is_polygon(value: Any) -> bool:
    return is_points(value) and len(value) >= 3


def _box(
    annotation: Annotation, polygons: Sequence[Polygon], mask: Mask | None, x: float, y: float
) -> tuple[float, float, float, float] | None:
    if annotation.box is not None:
        return plain_box(annotation.box, x, y)
    if polygons:
        return plain_box(Box.around(point for one in polygons for point in one), 1, 1)
    if mask is None:
        return None
    rows, columns = mask.to_array().nonzero()
    if not rows.size:
        return (0, 0, 0, 0)
    left, top = int(columns.min()), int(rows.min())
    return left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top


def _area(place: PlacedObject) -> float:
    if place.polygons:
        return sum(map(_polygon_area, place.polygons))
    if place.mask is not None and place.mask.counts is not None:
        return float(sum(place.mask.counts[1::2]))
    return place.box[2] * place.box[3]


def _polygon_area(corners: Polygon) -> float:
    shifted = (*corners[1:], corners[0])
    pairs = zip(corners, shifted, strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2
