"""`Input`: convert between Clarifai inputs and records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.media_names import is_still, kind_of
from common_ml.data.formats.shared.shapes import shape_type
from common_ml.data.record import Annotation, Box, Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common_ml.data.report import Report


@dataclass(frozen=True)
class Region:
    """A box in a picture, with its positive and negative concepts."""

    box: Box
    """0..1, left < right and top < bottom."""
    concepts: dict[str, int] = field(default_factory=dict)
    """Name -> 1 for positive, 0 for negative."""


@dataclass(frozen=True)
class Input:
    """One picture or video with its annotations, as Clarifai input."""

    url: str
    """Address, or path of a local file."""
    id: str = ""
    """"" lets the platform choose."""
    concepts: dict[str, int] = field(default_factory=dict)
    """Of the whole: name -> 1 for positive, 0 for negative."""
    regions: tuple[Region, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of it in reports."""
        return self.id or self.url


def record_of(one: Input) -> Record:
    """Convert the input to a record; each concept is an annotation."""
    whole = [Annotation(name, value=value) for name, value in one.concepts.items()]
    parts = [
        Annotation(name, value=value, box=region.box)
        for region in one.regions
        for name, value in (region.concepts or {"": 1}).items()
    ]
    return Record(
        media=one.url,
        kind=kind_of(one.url),
        annotations=(*whole, *parts),
        metadata=one.metadata,
        id=one.id,
    )


def input_of(record: Record, report: Report) -> Input | None:
    """Convert a record to an input; losses go to the report. None: it cannot be converted.

    Neighbouring annotations with the same box become one region.
    """
    if record.unit != "ratio":
        report.skip(record.id, "its boxes are in pixels, and the size of its picture is not known")
        return None
    if record.frame_index is not None and not is_still(record):
        report.skip(record.id, "it is one frame of a video, and an input is a whole file")
        return None
    concepts: dict[str, int] = {}
    regions: list[Region] = []
    for annotation in record.annotations:
        box = _box(record, annotation, report)
        if box is not None:
            _add_region(regions, box, annotation)
        elif not _is_part(record, annotation):
            if concepts.get(annotation.label, annotation.value) != annotation.value:
                report.skip(record.id, f"{annotation.label!r} is both positive and negative")
            elif annotation.label:
                concepts[annotation.label] = annotation.value
    given = "" if record.id == record.media else record.id
    return Input(record.media, given, concepts, tuple(regions), record.metadata)


def _add_region(regions: list[Region], box: Box, annotation: Annotation) -> None:
    label, last = annotation.label, regions[-1] if regions else None
    # a second region, and not the same one, where it would say something twice
    if last is None or last.box != box or label in last.concepts or not (label and last.concepts):
        regions.append(Region(box, {label: annotation.value} if label else {}))
    else:
        last.concepts[label] = annotation.value


def _is_part(record: Record, annotation: Annotation) -> bool:
    """Whether it is about a part of the file."""
    if shape_type(annotation):
        return True
    return annotation.frame_index is not None and not is_still(record)


def _box(record: Record, annotation: Annotation, report: Report) -> Box | None:
    if annotation.frame_index is not None and not is_still(record):
        report.skip(record.id, f"{annotation.label!r} is about one frame of a video")
        return None
    _warn_of_losses(record, annotation, report)
    box = annotation.bounds()
    if box is None:
        if shape_type(annotation):
            report.skip(
                record.id, f"{annotation.label!r} is a {shape_type(annotation)} without box"
            )
        return None
    if annotation.box is None:
        report.warn("polygons are written as the boxes around them")
    if box.x1 >= box.x2 or box.y1 >= box.y2:
        report.skip(record.id, f"the box of {annotation.label!r} has no area")
        return None
    return box


def _warn_of_losses(record: Record, annotation: Annotation, report: Report) -> None:
    lost = ["track", "confidence", "mask", "vector", *([] if is_still(record) else _TIMES)]
    for name in lost:
        if getattr(annotation, name) not in (None, ""):
            report.warn(f"{name} of annotations is not kept")


_TIMES = ["start_seconds"]
