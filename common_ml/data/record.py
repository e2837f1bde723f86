"""One picture, video or sound with its annotations: `Record`, `Annotation`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from common_ml.data import geometry
from common_ml.data.geometry import Box, Mask, Polygon, number, whole
from common_ml.data.json_text import json_bytes
from common_ml.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Annotation", "Box", "Kind", "Mask", "Polygon", "Record", "Unit"]

Kind = Literal["image", "video", "audio", ""]
"""Kind of the media of a record; "" where unknown."""
Unit = Literal["ratio", "pixel"]
"""Unit of boxes and polygons: 0..1 of width and height, or pixels."""


@dataclass(frozen=True)
class Annotation:
    """A label that is present in, or marked absent from, a picture, video or sound.

    Raises:
        RecordError: a value of the wrong type or out of its range.
    """

    label: str
    """The label."""
    track: str = ""
    """The author's name for a stream of tags; "" is the default one."""
    value: int = 1
    """1: present; 0: annotated as absent."""
    confidence: float | None = None
    """0..1; None where it is not given."""
    box: Box | None = None
    polygon: Polygon | None = None
    """Corners (x, y), at least 3, in the unit of the record."""
    mask: Mask | None = None
    start_seconds: float | None = None
    """Seconds from the start of the file; None: no time, as in a picture."""
    end_seconds: float | None = None
    """Seconds, >= start_seconds."""
    frame_index: int | None = None
    """0-based place of the frame in presentation order; None: not about one frame."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Anything else, as in JSON."""
    vector: tuple[float, ...] | None = None
    """An embedding."""

    def __post_init__(self) -> None:
        put = object.__setattr__
        _check_text(self.label, "label")
        _check_text(self.track, "track")
        if self.value not in (0, 1):
            raise RecordError(f"value must be 0 or 1, got {self.value!r}", field="value")
        put(self, "value", int(self.value))
        if self.confidence is not None:
            put(self, "confidence", _ratio(self.confidence, "confidence"))
        if self.polygon is not None:
            put(self, "polygon", geometry.polygon(self.polygon))
        self._check_times()
        if self.frame_index is not None:
            put(self, "frame_index", whole(self.frame_index, "frame_index"))
        if self.vector is not None:
            put(self, "vector", tuple(float(value) for value in self.vector))
        _check_mapping(self.attributes, "attributes")

    def _check_times(self) -> None:
        if self.start_seconds is None and self.end_seconds is not None:
            raise RecordError("end_seconds needs start_seconds", field="end_seconds")
        for name in ("start_seconds", "end_seconds"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _at_least_0(value, name))
        start, end = self.start_seconds, self.end_seconds
        if start is not None and end is not None and start > end:
            raise RecordError(
                f"end_seconds must be >= start_seconds = {start}, got {end}", field="end_seconds"
            )

    def bounds(self) -> Box | None:
        """Return the box, or the box around the polygon; None without either."""
        if self.box is not None or self.polygon is None:
            return self.box
        return Box.around(self.polygon)

    def with_place(self, box: Box | None, polygon: Polygon | None) -> Annotation:
        """Copy with other geometry; much faster than `dataclasses.replace`.

        Args:
            box: In place of the box.
            polygon: In place of the polygon: what `geometry.polygon` would return as it is.
        """
        made = object.__new__(Annotation)
        vars(made).update(vars(self), box=box, polygon=polygon)
        vars(made).pop("_inside", None)
        return made

    @classmethod
    def inside(
        cls,
        label: str,
        box: Box | None,
        polygon: Polygon | None,
        attributes: Mapping[str, Any],
    ) -> Annotation:
        """Make an annotation of a picture without validation; the values must be valid.

        Args:
            label: A text.
            box: In 0..1.
            polygon: At least 3 pairs of floats in 0..1.
            attributes: As in JSON.
        """
        made = object.__new__(cls)
        vars(made).update(
            _DEFAULTS, label=label, box=box, polygon=polygon, attributes=attributes, _inside=True
        )
        return made

    def scaled(self, x: float, y: float) -> Annotation:
        """Copy with box and polygon multiplied."""
        box = None if self.box is None else self.box.scaled(x, y)
        corners = None if self.polygon is None else tuple((a * x, b * y) for a, b in self.polygon)
        return replace(self, box=box, polygon=corners)

    def to_json(self) -> dict[str, Any]:
        """Convert to a JSON object without fields that have their default."""
        return _without_defaults(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Annotation:
        """Make it from the result of `to_json`.

        Raises:
            RecordError: a key that is not known, or a wrong value.
        """
        _check_keys(cls, data, required=("label",))
        given = dict(data)
        if given.get("box") is not None:
            given["box"] = _box_of(given["box"])
        if given.get("mask") is not None:
            given["mask"] = Mask.from_json(given["mask"])
        return cls(**given)


_DEFAULTS = {one.name: one.default for one in fields(Annotation) if one.default is not MISSING}
"""Defaults of an annotation's fields."""


@dataclass(frozen=True)
class Record:
    """One picture, video or sound, or one frame of a video, with its annotations.

    Raises:
        RecordError: a value of the wrong type or out of its range.
    """

    media: str
    """Path or URL."""
    kind: Kind = ""
    width: int | None = None
    """Pixels, upright; None if unknown."""
    height: int | None = None
    """Pixels, upright; None if unknown."""
    duration_seconds: float | None = None
    """None if unknown, or a picture."""
    annotations: tuple[Annotation, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Metadata of the whole, as in JSON."""
    id: str = ""
    """Unique in its source; made from `media` and `frame_index` unless it is given."""
    frame_index: int | None = None
    """The frame that the record is about; None: the whole file."""
    time_seconds: float | None = None
    """When that frame is shown, from the first frame on."""
    unit: Unit = "ratio"
    """Unit of boxes and polygons; "pixel" only where the size is unknown."""

    def __post_init__(self) -> None:
        put = object.__setattr__
        _check_text(self.media, "media")
        if not self.media:
            raise RecordError("media must be a path or URL, got an empty text", field="media")
        _check_choice(self.kind, get_args(Kind), "kind")
        _check_choice(self.unit, get_args(Unit), "unit")
        for name in ("width", "height"):
            value = getattr(self, name)
            if value is not None:
                put(self, name, whole(value, name))
                if not value:
                    raise RecordError(f"{name} must be > 0, got 0", field=name)
        for name in ("duration_seconds", "time_seconds"):
            value = getattr(self, name)
            if value is not None:
                put(self, name, _at_least_0(value, name))
        if self.frame_index is not None:
            put(self, "frame_index", whole(self.frame_index, "frame_index"))
        put(self, "annotations", tuple(self.annotations))
        self._check_annotations()
        _check_mapping(self.metadata, "metadata")
        _check_text(self.id, "id")
        if not self.id:
            frame = "" if self.frame_index is None else f"#{self.frame_index}"
            put(self, "id", f"{self.media}{frame}")

    def _check_annotations(self) -> None:
        for place, annotation in enumerate(self.annotations):
            where = f"annotations[{place}]"
            if not isinstance(annotation, Annotation):
                raise RecordError(
                    f"{where} must be an Annotation, got {annotation!r:.80}", field=where
                )
            if self.unit == "ratio":
                _check_inside(annotation, where)

    def in_ratio(self, width: int, height: int) -> Record:
        """Convert boxes and polygons from pixels to 0..1, clipped to the picture.

        Args:
            width: Of the picture, in pixels.
            height: Of the picture, in pixels.
        """
        known = replace(self, width=width, height=height)
        if self.unit == "ratio":
            return known
        scaled = (one.scaled(1 / width, 1 / height) for one in self.annotations)
        return replace(known, unit="ratio", annotations=tuple(map(_clipped, scaled)))

    def labels(self) -> tuple[str, ...]:
        """Return the labels with value 1, each once, in order of appearance."""
        return tuple(dict.fromkeys(one.label for one in self.annotations if one.value))

    def to_json(self) -> dict[str, Any]:
        """Convert to a JSON object without fields that have their default."""
        return _without_defaults(self)

    def to_line(self) -> bytes:
        r"""Serialise to one line of JSON, ending in b"\n"."""
        return json_bytes(self.to_json(), newline=True)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Record:
        """Make it from the result of `to_json`.

        Raises:
            RecordError: a key that is not known, or a wrong value.
        """
        _check_keys(cls, data, required=("media",))
        annotations = data.get("annotations", ())
        if isinstance(annotations, (str, Mapping)):
            raise RecordError("annotations must be a list", field="annotations")
        made = tuple(_annotation_of(one, place) for place, one in enumerate(annotations))
        return cls(**{**data, "annotations": made})


def _clipped(annotation: Annotation) -> Annotation:
    box, corners = annotation.box, annotation.polygon
    if box is not None:
        box = box.clipped()
    if corners is not None:
        corners = tuple((min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)) for x, y in corners)
    return replace(annotation, box=box, polygon=corners)


def _annotation_of(data: Any, place: int) -> Annotation:
    where = f"annotations[{place}]"
    if not isinstance(data, Mapping):
        raise RecordError(f"{where} must be an object, got {data!r:.80}", field=where)
    try:
        return Annotation.from_json(data)
    except RecordError as error:
        raise RecordError(f"{where}.{error}", field=f"{where}.{error.field}") from error


def _box_of(value: Any) -> Box:
    if not isinstance(value, Mapping) or value.keys() != {"x1", "y1", "x2", "y2"}:
        raise RecordError(f"box must have x1, y1, x2, y2, got {value!r:.80}", field="box")
    return Box(**value)


def _check_inside(annotation: Annotation, where: str) -> None:
    if "_inside" in vars(annotation):
        return
    box = annotation.box
    if box is not None and not (box.x1 >= 0 and box.y1 >= 0 and box.x2 <= 1 and box.y2 <= 1):
        raise RecordError(
            f"{where}.box must be 0..1, got {box}: divide pixels by the picture's size, "
            'or say unit="pixel"',
            field=f"{where}.box",
        )
    corners = annotation.polygon or ()
    if not corners or (min(map(min, corners)) >= 0 and max(map(max, corners)) <= 1):
        return
    for x, y in corners:
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise RecordError(
                f"{where}.polygon must be 0..1, got ({x}, {y}): divide pixels by the picture's "
                'size, or say unit="pixel"',
                field=f"{where}.polygon",
            )


def _without_defaults(value: Annotation | Record) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for one in fields(value):
        content = getattr(value, one.name)
        if content is None or content == one.default or content in ({}, ()):
            continue
        data[one.name] = _plain(content)
    return data


def _plain(value: Any) -> Any:
    if isinstance(value, (Annotation, Record)):
        return value.to_json()
    if isinstance(value, (Box, Mask)):
        shown = {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        return {name: content for name, content in shown.items() if content not in (None, "")}
    if isinstance(value, Mapping):
        return {key: _plain(content) for key, content in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _check_keys(kind: type, data: Mapping[str, Any], *, required: Iterable[str]) -> None:
    if not isinstance(data, Mapping):
        raise RecordError(f"{kind.__name__} must be an object, got {data!r:.80}", field="")
    known = [one.name for one in fields(kind)]
    for key in data:
        if key not in known:
            raise RecordError(
                f"{key} is not known: {kind.__name__} has {', '.join(known)}", field=str(key)
            )
    for key in required:
        if key not in data:
            raise RecordError(f"{key} is missing", field=key)


def _check_text(value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise RecordError(f"{name} must be a text, got {value!r:.80}", field=name)


def _check_choice(value: Any, known: tuple[str, ...], name: str) -> None:
    if value not in known:
        listed = ", ".join(map(repr, known))
        raise RecordError(f"{name} must be one of {listed}, got {value!r}", field=name)


def _check_mapping(value: Any, name: str) -> None:
    if not isinstance(value, Mapping):
        raise RecordError(f"{name} must be a mapping, got {value!r:.80}", field=name)


def _at_least_0(value: Any, name: str) -> float:
    seconds = number(value, name)
    if seconds < 0:
        raise RecordError(f"{name} must be >= 0, got {value!r}", field=name)
    return seconds


def _ratio(value: Any, name: str) -> float:
    share = number(value, name)
    if not 0 <= share <= 1:
        raise RecordError(f"{name} must be 0..1, got {value!r}", field=name)
    return share
