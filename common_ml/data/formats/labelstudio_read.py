"""Label Studio's regions -> annotations. Its places are percent of the picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from common_ml.data.formats import shapes
from common_ml.data.formats.masks import brush_mask
from common_ml.data.record import Annotation, Box, Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from common_ml.data.formats.items import Item


def _rectangles(region: Item, fps: float) -> Iterator[Annotation]:
    del fps
    value = region.child("value")
    box, geometry = _rectangle(value)
    for label in _labels(region, "rectanglelabels"):
        yield _annotation(region, label, box=box, geometry=geometry)


def _rectangle(value: Item) -> tuple[Box | None, Mapping[str, Any] | None]:
    """The box, or the geometry of one that is turned."""
    left, top, width, height = (value.number(key) / 100 for key in ("x", "y", "width", "height"))
    rotation = value.number("rotation", default=0.0)
    if rotation % 360:
        numbers = {"left": left, "top": top, "width": width, "height": height}
        turned = math.radians(rotation)  # around the upper left corner
        return None, {"type": "rotated_box", "unit": "ratio", **numbers, "rotation": turned}
    return Box(left, top, left + width, top + height).clipped(), None


def _polygons(region: Item, fps: float) -> Iterator[Annotation]:
    del fps
    points = region.child("value").listed("points")
    if not all(isinstance(one, list) and len(one) == 2 for one in points):
        raise region.error(f"must be [[x, y], ...], got {points!r:.80}", field="value.points")
    corners = tuple((_unit(x / 100), _unit(y / 100)) for x, y in points)
    for label in _labels(region, "polygonlabels"):
        yield _annotation(region, label, polygon=corners)


def _brushes(region: Item, fps: float) -> Iterator[Annotation]:
    del fps
    width, height = region.whole("original_width"), region.whole("original_height")
    value = region.child("value")
    try:
        mask = Mask.from_array(brush_mask(value.listed("rle"), width, height))
    except (ValueError, OverflowError, TypeError) as error:
        raise value.error(f"is no brush of this picture: {error}", field="rle") from error
    for label in _labels(region, "brushlabels"):
        yield _annotation(region, label, mask=mask)


def _points(region: Item, fps: float) -> Iterator[Annotation]:
    del fps
    value = region.child("value")
    x, y = value.number("x") / 100, value.number("y") / 100
    geometry = {"type": "point", "unit": "ratio", "points": [[x, y]]}
    for label in _labels(region, "keypointlabels"):
        yield _annotation(region, label, geometry=geometry)


def _ellipses(region: Item, fps: float) -> Iterator[Annotation]:
    del fps
    value = region.child("value")
    x, y, rx, ry = (value.number(key) / 100 for key in ("x", "y", "radiusX", "radiusY"))
    geometry: dict[str, Any] = {"type": "ellipse", "unit": "ratio", "center": [x, y]}
    geometry["radii"] = [rx, ry]
    geometry["rotation"] = math.radians(value.number("rotation", default=0.0))
    for label in _labels(region, "ellipselabels"):
        yield _annotation(region, label, geometry=geometry)


def _choices(region: Item, fps: float) -> Iterator[Annotation]:
    del fps
    for label in _labels(region, "choices"):
        yield _annotation(region, label)


def _lanes(region: Item, fps: float) -> Iterator[Annotation]:
    """Ranges of frames, counted from 1; the last one belongs to the range."""
    for label in _labels(region, "timelinelabels"):
        for lane in region.child("value").children("ranges"):
            start, end = lane.whole("start"), lane.whole("end")
            with lane.building():
                yield _annotation(
                    region, label, start_seconds=max(start - 1, 0) / fps, end_seconds=end / fps
                )


def _sounds(region: Item, fps: float) -> Iterator[Annotation]:
    del fps
    value = region.child("value")
    for label in _labels(region, "labels"):
        yield _annotation(
            region,
            label,
            start_seconds=value.number("start"),
            end_seconds=value.number("end"),
        )


def _tracks(region: Item, fps: float) -> Iterator[Annotation]:
    """Boxes on frames of a video; those that the tool draws between them are not made up here."""
    value = region.child("value")
    for label in _labels(region, "labels"):
        for key in value.children("sequence"):
            frame = max(key.whole("frame") - 1, 0)
            with key.building():
                box, geometry = _rectangle(key)
                yield _annotation(
                    region,
                    label,
                    box=box,
                    geometry=geometry,
                    frame_index=frame,
                    start_seconds=key.number("time", default=frame / fps),
                )


REGIONS: dict[str, Callable[[Item, float], Iterator[Annotation]]] = {
    "rectanglelabels": _rectangles,
    "polygonlabels": _polygons,
    "brushlabels": _brushes,
    "keypointlabels": _points,
    "ellipselabels": _ellipses,
    "choices": _choices,
    "timelinelabels": _lanes,
    "labels": _sounds,
    "videorectangle": _tracks,
}
"""A region's type -> what reads it, given the frames per second."""


def _labels(region: Item, key: str) -> list[str]:
    labels = region.child("value").listed(key)
    if not all(isinstance(label, str) for label in labels):
        raise region.error(f"must be a list of texts, got {labels!r:.80}", field=f"value.{key}")
    return labels


def _annotation(
    region: Item, label: str, *, geometry: Mapping[str, Any] | None = None, **known: Any
) -> Annotation:
    meta = region.child("meta")
    attributes = dict(meta.mapping("attributes"))
    if geometry is not None:
        attributes[shapes.KEY] = dict(geometry)
    return Annotation(
        label,
        track=meta.text("track", default=""),
        confidence=region.number_or_none("score"),
        attributes=attributes,
        **known,
    )


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)
