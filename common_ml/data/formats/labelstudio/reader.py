"""Convert Label Studio's results to annotations; coordinates are percent of the picture.

A region may be several results of one `id`: its place, its labels, its text, choices about it. What
a result contains is given by the keys of its `value`; `type` only names the control that made it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common_ml.data import geometry
from common_ml.data.formats.shared import shapes
from common_ml.data.formats.shared.masks import brush_mask
from common_ml.data.formats.shared.shapes import rotated_box, turned_corners
from common_ml.data.record import Annotation, Box, Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.policy import ErrorPolicy
    from common_ml.data.record import Kind

TRACK_KEY = "track_id"
"""Attribute: the identity of an object that is on several frames."""
ENABLED_KEY = "keyframe_enabled"
"""Attribute: whether the tool shows the object up to its next key frame."""
_TIMED = ("video", "audio")
_UNREAD_PLACES = {"imageDataURL", "startOffset", "endOffset", "selected"}
"""Keys of places that are not read."""


@dataclass
class Region:
    """The results of one id."""

    results: list[Item] = field(default_factory=list)
    place: Item | None = None
    """The result with the geometry."""

    @property
    def first(self) -> Item:
        """The result that errors refer to."""
        return self.place or self.results[0]


@dataclass(frozen=True)
class Task:
    """Context for reading regions."""

    kind: Kind
    rate: float
    """Frames per second."""
    has_rate: bool
    """Whether the task or the user states it."""
    policy: ErrorPolicy


def regions_of(results: Iterable[Item], policy: ErrorPolicy) -> list[Region]:
    """Group results by id into regions, in the order in which they first appear."""
    found: dict[object, Region] = {}
    for result in results:
        if result.get("type") == "relation":
            policy.report.warn("relations between regions are not kept")
            continue
        key: object = result.text("id", default="") or object()
        region = found.setdefault(key, Region())
        region.results.append(result)
        if region.place is None and _reader_of(result) is not None:
            region.place = result
    return list(found.values())


def annotations_of(region: Region, task: Task) -> Iterator[Annotation]:
    """Yield the annotations of a region, one for each of its labels."""
    if region.place is None:
        yield from _of_the_whole(region, task)
        return
    read = _reader_of(region.place)
    assert read is not None  # noqa: S101 - that made it the place
    labels = _labels(region) or [""]
    common = _Common(region, labels)
    with region.place.building("value"):
        for place in read(region.place, task):
            yield from common.annotations(place)


def texts_of(region: Region) -> dict[str, Any]:
    """Return the values about the whole task: name of the control -> value."""
    if region.place is not None:
        return {}
    found = {}
    for result in region.results:
        value = result.child("value")
        for key in ("text", "rating", "number", "datetime"):
            if key in value:
                found[result.text("from_name", default=key)] = _single(value.get(key))
    return found


class _Common:
    """Return the attributes that all annotations of a region share."""

    def __init__(self, region: Region, labels: list[str]) -> None:
        self._labels = labels
        self._track = ""
        self._attributes: dict[str, Any] = {}
        self._confidence: float | None = None
        for result in region.results:
            meta = result.child("meta")
            self._track = self._track or meta.text("track", default="")
            self._attributes |= meta.mapping("attributes")
            if "score" in result:
                self._confidence = result.number("score")
            value = result.child("value")
            name = result.text("from_name", default="")
            if "text" in value:
                self._attributes["text"] = _single(value.get("text"))
            for key in ("choices", "taxonomy", "rating", "number"):
                if key in value:
                    self._attributes[name or key] = value.get(key)

    def annotations(self, place: Mapping[str, Any]) -> Iterator[Annotation]:
        known = dict(place)
        attributes = {**self._attributes, **known.pop("attributes", {})}
        shape = known.pop("geometry", None)
        if shape is not None:
            attributes[shapes.KEY] = dict(shape)
        for label in self._labels:
            yield Annotation(
                label,
                track=self._track,
                confidence=self._confidence,
                attributes=attributes,
                **known,
            )


def _of_the_whole(region: Region, task: Task) -> Iterator[Annotation]:
    labels = _labels(region)
    for result in region.results:
        value = result.child("value")
        unknown = [key for key in value.data if key in _UNREAD_PLACES]
        if labels and unknown:
            task.policy.report.warn(
                f"places of {result.get('type')} ({', '.join(unknown)}) are not read: labels only"
            )
        for key in ("choices", "taxonomy"):
            for choice in value.listed(key):
                labels.append("/".join(map(str, choice)) if isinstance(choice, list) else choice)
    if not labels:
        known = region.first.child("value").data
        if not texts_of(region):
            shown = ", ".join(known) or "nothing"
            task.policy.report.skip(
                region.first.place,
                f"{region.first.inside}: a region of type {region.first.get('type')!r} has "
                f"{shown}, and no place in a {task.kind}",
                place=region.first.place,
            )
        return
    if not all(isinstance(label, str) for label in labels):
        raise region.first.error(f"must be texts, got {labels!r:.80}", field="value.choices")
    for label in labels:
        common = _Common(Region([_without_choices(one) for one in region.results]), [label])
        yield from common.annotations({})


def _without_choices(result: Item) -> Item:
    """Return the result without its label."""
    value = {
        key: one
        for key, one in result.child("value").data.items()
        if key not in ("choices", "taxonomy")
    }
    return type(result)({**result.data, "value": value}, result.path, result.place, result.inside)


def _labels(region: Region) -> list[str]:
    found: dict[str, None] = {}
    for result in region.results:
        value = result.child("value")
        for key in value.data:
            if not key.endswith("labels") or key not in value:
                continue
            labels = value.listed(key)
            if not all(isinstance(label, str) for label in labels):
                raise result.error(f"must be a list of texts, got {labels!r:.80}",
                                   field=f"value.{key}")  # fmt: skip
            found |= dict.fromkeys(labels)
    return list(found)


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _reader_of(result: Item) -> Callable[[Item, Task], Iterator[Mapping[str, Any]]] | None:
    value = result.get("value")
    if not isinstance(value, dict):
        return None
    for keys, read in _PLACES:
        if all(value.get(key) is not None for key in keys):
            return read
    if any(key.endswith("labels") for key in value):
        # a region whose place is null is for its reader to refuse
        return next((read for keys, read in _PLACES if all(key in value for key in keys)), None)
    return None


def _rectangles(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    yield _rectangle(result.child("value"), task, _aspect(result))


def _aspect(result: Item) -> float | None:
    """Return the picture's width by its height; None where the result does not say them.

    They are of the picture as it is stored: `image_rotation` only says how it was shown, and
    places are percent of the unturned picture.
    """
    width, height = (result.number_or_none(f"original_{side}") for side in ("width", "height"))
    return width / height if width and height else None


def _rectangle(value: Item, task: Task, aspect: float | None) -> dict[str, Any]:
    """Return the box, or the geometry of one that is turned around its upper left corner."""
    left, top, width, height = (value.number(key) / 100 for key in ("x", "y", "width", "height"))
    rotation = value.number("rotation", default=0.0)
    if not rotation % 360:
        return {"box": task.policy.cut(task.policy.box(left, top, left + width, top + height))}
    is_upright = rotation % 180 == 0 or (rotation % 90 == 0 and aspect is not None)
    sides = (left, top, width, height)
    points = turned_corners(sides, rotation, pivot=(0, 0), aspect=aspect or 1)
    if is_upright:
        return {"box": task.policy.cut(Box.around((x, y) for x, y in points))}
    known = None if aspect is None else points
    return {"geometry": rotated_box(sides, math.radians(rotation), known, unit="ratio")}


def _polygons(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    points = result.child("value").listed("points")
    if not all(isinstance(one, list) and len(one) == 2 for one in points):
        raise result.error(f"must be [[x, y], ...], got {points!r:.80}", field="value.points")
    numbers = [value for point in points for value in point]
    if not set(map(type, numbers)) <= {int, float}:
        raise result.error(f"must be [[x, y], ...], got {points!r:.80}", field="value.points")
    corners = geometry.polygon([tuple(point) for point in points])
    yield {"polygon": task.policy.cut_polygon(tuple((x / 100, y / 100) for x, y in corners))}


def _vertices(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    """Yield a path: a polygon where it is closed; curves are taken as straight."""
    value = result.child("value")
    corners = [(one.number("x"), one.number("y")) for one in value.children("vertices")]
    if any(one.get("isBezier") for one in value.children("vertices")):
        task.policy.report.warn("curves of vectors are taken as straight lines")
    points = [(x / 100, y / 100) for x, y in corners]
    if value.get("closed") and len(points) >= 3:
        yield {"polygon": task.policy.cut_polygon(geometry.polygon(points))}
    else:
        shown = [list(point) for point in points]
        yield {"geometry": {"type": "line", "unit": "ratio", "points": shown}}


def _brushes(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    del task
    width, height = result.whole("original_width"), result.whole("original_height")
    value = result.child("value")
    try:
        mask = Mask.from_array(brush_mask(value.listed("rle"), width, height))
    except (ValueError, OverflowError, TypeError) as error:
        raise value.error(f"invalid brush of this picture: {error}", field="rle") from error
    yield {"mask": mask}


def _points(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    del task
    value = result.child("value")
    x, y = value.number("x") / 100, value.number("y") / 100
    yield {"geometry": {"type": "point", "unit": "ratio", "points": [[x, y]]}}


def _ellipses(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    del task
    value = result.child("value")
    x, y, rx, ry = (value.number(key) / 100 for key in ("x", "y", "radiusX", "radiusY"))
    shape: dict[str, Any] = {"type": "ellipse", "unit": "ratio", "center": [x, y]}
    shape["radii"] = [rx, ry]
    shape["rotation"] = math.radians(value.number("rotation", default=0.0))
    yield {"geometry": shape}


def _lanes(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    """Yield frame ranges, counted from 1, with inclusive ends."""
    for lane in task.policy.children(result.child("value"), "ranges"):
        start, end = lane.whole("start"), lane.whole("end")
        start, end = sorted((start, end))
        with lane.building("end"):
            times = max(start - 1, 0) / task.rate, end / task.rate
        yield {"start_seconds": times[0], "end_seconds": times[1]}


def _times(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    value = result.child("value")
    if task.kind not in _TIMED:
        raise result.error(
            f"is a span of text, and the task's media is {task.kind or 'of unknown kind'}",
            field="value.start",
        )
    start, end = value.number("start"), value.number("end")
    if start > end:
        raise result.error(f"must be >= start = {start}, got {end}", field="value.end")
    yield {"start_seconds": start, "end_seconds": end}


def _tracks(result: Item, task: Task) -> Iterator[Mapping[str, Any]]:
    """Yield the keyframes of an object; boxes between them are not interpolated."""
    value = result.child("value")
    rate = task.rate
    if not task.has_rate and value.number("duration", default=0.0) > 0:
        count = value.number("framesCount", default=0.0)
        rate = count / value.number("duration") if count > 0 else rate
    keys = list(task.policy.children(value, "sequence"))
    is_track = len(keys) > 1 or any(key.get("enabled") for key in keys)
    name = result.text("id", default="")
    for key in keys:
        place = None
        with task.policy:
            frame = max(key.whole("frame") - 1, 0)
            with key.building():
                place = {
                    **_rectangle(key, task, _aspect(result)),
                    "frame_index": frame,
                    "start_seconds": key.number("time", default=frame / rate),
                }
            if is_track:
                shown = bool(key.get("enabled"))
                place["attributes"] = {TRACK_KEY: name, ENABLED_KEY: shown}
        if place is not None:
            yield place


_PLACES: tuple[tuple[tuple[str, ...], Callable[[Item, Task], Iterator[Mapping[str, Any]]]], ...] = (
    (("sequence",), _tracks),
    (("ranges",), _lanes),
    (("rle",), _brushes),
    (("points",), _polygons),
    (("vertices",), _vertices),
    (("x", "y", "radiusX", "radiusY"), _ellipses),
    (("x", "y", "height"), _rectangles),
    (("x", "y", "rectanglelabels"), _rectangles),
    (("x", "y"), _points),
    (("start", "end"), _times),
)
"""Keys of a value -> reader of the geometry; the first match counts."""
