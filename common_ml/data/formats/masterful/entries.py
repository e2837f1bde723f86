"""Select the data of a record to write for Masterful, or why it is skipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from common_ml.data.formats.shared.media import pixel_scale
from common_ml.data.formats.shared.media_names import file_name, is_still
from common_ml.data.formats.shared.shapes import geometry_of, shape_type
from common_ml.data.record import Annotation, Mask, Record

if TYPE_CHECKING:
    from typing import TypeAlias

    from common_ml.data.formats.shared.media import MediaFiles


Task = Literal["image_classification", "object_detection", "semantic_segmentation"]
PixelBox: TypeAlias = tuple[int, int, int, int]
"""ymin, xmin, ymax, xmax."""
_HAIR = 1e-6
"""Tolerance in pixels: 0.1 of 640 and back is 63.99999999999999, meaning 64."""


@dataclass(frozen=True)
class Refusal:
    """The record is skipped."""

    reason: str


@dataclass(frozen=True)
class Entry:
    """Data of one record to write."""

    id: str
    media: str
    name: str
    """Preferred file name of the picture."""
    group: str
    """Group key: records of one group stay in one part."""
    labels: tuple[str, ...] = ()
    """Classification, and all labels for the other tasks."""
    boxes: tuple[tuple[str, PixelBox], ...] = ()
    """Detection."""
    masks: tuple[tuple[str, Mask], ...] = ()
    """Segmentation."""
    classes: tuple[str, ...] | None = None
    """Classes to annotate; None: only the labels are known."""
    indices: tuple[tuple[str, int], ...] = ()
    """Numbers of the labels in the record's label image."""
    warnings: tuple[str, ...] = field(default=(), compare=False)


def entry_of(record: Record, task: Task, media: MediaFiles, *, keep_boxes: bool) -> Entry | Refusal:
    """Return the data of a record for a task."""
    if not is_still(record) and record.kind:
        return Refusal(f"is {record.kind}, and Masterful takes pictures")
    if not is_writable(record.media):
        return Refusal(f"the path {record.media!r} has a comma, a line break or blanks at its ends")
    there = [one for one in record.annotations if one.value and one.label]
    bad = next((one.label for one in there if not is_writable(one.label)), None)
    if bad is not None:
        return Refusal(f"the label {bad!r} has a comma, a line break or blanks at its ends")
    common = _Common(record, tuple(dict.fromkeys(one.label for one in there)))
    if task == "image_classification":
        return common.entry()
    if task == "object_detection":
        return _detection(record, common, media, keep_boxes=keep_boxes)
    return _segmentation(record, there, common)


def is_writable(text: str) -> bool:
    """Whether a text can be written between separators."""
    return text == text.strip() and not {*",\n\r"} & {*text}


class _Common:
    """Return the data that all tasks write."""

    def __init__(self, record: Record, labels: tuple[str, ...]) -> None:
        self._record = record
        self._labels = labels

    def entry(
        self,
        *,
        labels: tuple[str, ...] | None = None,
        boxes: tuple[tuple[str, PixelBox], ...] = (),
        masks: tuple[tuple[str, Mask], ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> Entry:
        record = self._record
        declared = record.metadata.get("classes")
        named = record.metadata.get("filename")
        name = file_name(named if isinstance(named, str) and named else record.media)
        return Entry(
            id=record.id,
            media=record.media,
            name=name,
            group=record.media.partition("?")[0],
            labels=self._labels if labels is None else labels,
            boxes=boxes,
            masks=masks,
            classes=tuple(map(str, declared)) if isinstance(declared, (list, tuple)) else None,
            indices=tuple(_indices(record)),
            warnings=warnings,
        )


def _indices(record: Record) -> list[tuple[str, int]]:
    found = []
    for one in record.annotations:
        index = one.attributes.get("index")
        if index is None and one.mask is not None and one.mask.image:
            index = one.mask.index
        if isinstance(index, int) and one.label:
            found.append((one.label, index))
    return found


def _detection(
    record: Record,
    common: _Common,
    media: MediaFiles,
    *,
    keep_boxes: bool,
) -> Entry | Refusal:
    if record.metadata.get("type") == "segmentannotation":
        return Refusal("is a segmentannotation task, and object_detection takes imageannotation")
    there = [one for one in record.annotations if one.value]
    shapes = [shape_type(one) for one in there]
    boxed = [one for one, shape in zip(there, shapes, strict=True) if _is_boxed(one, shape)]
    others = sorted({shape for one, shape in zip(there, shapes, strict=True)
                     if shape and not _is_boxed(one, shape)})  # fmt: skip
    if others and not keep_boxes:
        return Refusal(f"has {' and '.join(others)} beside boxes: --keep-boxes keeps its boxes")
    if others and not boxed:
        return Refusal(f"has {' and '.join(others)}, and no box to keep")
    if any(not one.label for one in boxed):
        return Refusal("has a box without label")
    known = media.sized(record)
    scale = pixel_scale(known)
    if boxed and scale is None:
        return Refusal("the size of its picture is not known, and boxes are in pixels")
    boxes = tuple((one.label, _pixel_box(one, *(scale or (1, 1)))) for one in boxed)
    warnings = [] if all(shapes) else ["labels without a box are not kept"]
    if others:
        warnings.append(f"other geometries than boxes are not kept: {', '.join(others)}")
    labels = tuple(dict.fromkeys(label for label, _ in boxes))
    return common.entry(labels=labels, boxes=boxes, warnings=tuple(warnings))


def _is_boxed(annotation: Annotation, shape: str) -> bool:
    """Whether it has an axis-aligned box; a rotated one is another geometry."""
    return annotation.box is not None and shape not in _OTHER_SHAPES


def _pixel_box(annotation: Annotation, x: int, y: int) -> PixelBox:
    """Truncate each side separately: the lower edge is int(top) + int(height)."""
    geometry = geometry_of(annotation)
    if geometry is not None and geometry.get("unit") == "pixel" and geometry.keys() >= {*_SIDES}:
        left, top, width, height = (int(geometry[key]) for key in _SIDES)
        return top, left, top + height, left + width
    assert annotation.box is not None  # noqa: S101 - _is_boxed
    box = annotation.box.scaled(x, y)
    sides = (box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1)
    left, top, width, height = (int(side + _HAIR) for side in sides)
    return top, left, top + height, left + width


_SIDES = ("left", "top", "width", "height")
_OTHER_SHAPES = frozenset({"rotated_box", "line", "point", "ellipse", "cuboid"})


def _segmentation(record: Record, there: list[Annotation], common: _Common) -> Entry | Refusal:
    if record.metadata.get("type") == "imageannotation":
        return Refusal("is an imageannotation task; semantic_segmentation takes segmentannotation")
    masks = tuple((one.label, one.mask) for one in there if one.mask is not None)
    image = record.metadata.get("label_image")
    if not masks and isinstance(image, str) and image:
        # all background, with a label image
        encoding = record.metadata.get("label_image_encoding", "gray8")
        masks = (("", Mask(image=image, index=0, encoding=encoding)),)
    if not masks:
        return Refusal("has no mask")
    images = {mask.image for _, mask in masks}
    if len(images) > 1:
        return Refusal(f"has {len(images)} label images, and one is written")
    unmasked = [one.label for one in there if one.mask is None]
    warnings = ("labels without a mask are not kept",) if unmasked else ()
    labels = tuple(dict.fromkeys(label for label, _ in masks if label))
    return common.entry(labels=labels, masks=masks, warnings=warnings)
