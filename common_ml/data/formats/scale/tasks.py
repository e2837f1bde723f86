"""Convert Scale's tasks to records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from common_ml.data.formats.scale.task_filter import review_status
from common_ml.data.formats.shared.shapes import KEY
from common_ml.data.record import Annotation, Mask, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.policy import ErrorPolicy

_SIDES = ("left", "top", "width", "height")
_TASK_KEYS = ("task_id", "type", "status", "batch", "project", "created_at")


def _image_annotation(task: Item, policy: ErrorPolicy) -> Record:
    response = task.child("response")
    if "annotations" not in response:
        policy.fail(response.error("is missing", field="annotations"))
    made = []
    for item in policy.children(response, "annotations"):
        with policy, item.building():
            made.append(_annotation(item, policy))
    return _record(task, made, {"classes": sorted(set(_classes(task)))})


def _annotation(item: Item, policy: ErrorPolicy) -> Annotation:
    attributes = dict(policy.mapping(item, "attributes"))
    if "uuid" in item:
        attributes["uuid"] = item.text("uuid")
    box = polygon = None
    kind = item.text("type")
    if kind == "polygon":
        polygon = tuple((x, y) for x, y in _points(item))
    else:
        geometry = _geometry(item, kind)
        attributes[KEY] = geometry
        if geometry["type"] == "box":
            left, top, width, height = (item.number(side) for side in _SIDES)
            box = policy.box(left, top, left + width, top + height)
            if width < 0 or height < 0:
                sides = (box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1)
                geometry |= dict(zip(_SIDES, sides, strict=True))
    return Annotation(
        label=item.text("label", default=""), box=box, polygon=polygon, attributes=attributes
    )


def _geometry(item: Item, kind: str) -> dict[str, Any]:
    geometry: dict[str, Any] = {"type": kind, "unit": "pixel"}
    if kind == "box":
        geometry |= {side: item.number(side) for side in _SIDES}
        rotation = item.number("rotation", default=0.0)
        if rotation:
            geometry |= {"type": "rotated_box", "rotation": rotation, "points": _points(item)}
    elif kind == "point":
        geometry["points"] = [[item.number("x"), item.number("y")]]
    else:
        geometry["points"] = _points(item)
        if "edges" in item:
            geometry["edges"] = item.listed("edges")
        if "rotation" in item:
            geometry["rotation"] = item.number("rotation")
    return geometry


def _points(item: Item) -> list[list[float]]:
    return [[corner.number("x"), corner.number("y")] for corner in item.children("vertices")]


def _classes(task: Item) -> Iterator[str]:
    """Yield the names of the classes to annotate, of any geometry; with sub-choices."""
    params = task.child("params")
    geometries = params.child("geometries")
    for geometry in (params, *(geometries.child(key) for key in geometries.data)):
        yield from _choices(geometry, "objects_to_annotate")


def _choices(item: Item, key: str) -> Iterator[str]:
    for number, choice in enumerate(item.listed(key)):
        if isinstance(choice, str):
            yield choice
        elif isinstance(choice, dict) and isinstance(choice.get("choice"), str):
            yield choice["choice"]
            inner = type(item)(choice, item.path, item.place, item.field(f"{key}[{number}]"))
            yield from _choices(inner, "subchoices")
        else:
            raise item.error(
                f"must be a text or an object with choice, got {choice!r:.80}",
                field=f"{key}[{number}]",
            )


def _segment_annotation(task: Item, policy: ErrorPolicy) -> Record:
    response = task.child("response")
    mapping = response.child("labelMapping")
    if not mapping.data:
        policy.fail(response.error("is missing", field="labelMapping"))
    image, encoding = _label_image(response)
    made = []
    for label, value in mapping.data.items():
        is_list = isinstance(value, list)
        for entry in policy.children(mapping, label) if is_list else _entry(mapping, label, policy):
            with policy:
                made.append(_segment(label, entry, image, encoding))
    return _record(task, made, {"label_image": image, "label_image_encoding": encoding})


def _entry(mapping: Item, label: str, policy: ErrorPolicy) -> Iterator[Item]:
    with policy:
        entry = mapping.child(label)
        return iter((entry,))
    return iter(())


def _segment(
    label: str, entry: Item, image: str, encoding: Literal["gray8", "rgb24"]
) -> Annotation:
    index, num_pixels = entry.whole("index"), entry.whole("numPixels", default=0)
    known = {"color": entry.get("color"), "num_pixels": num_pixels, "index": index}
    is_there = num_pixels > 0
    with entry.building():
        return Annotation(
            label,
            value=int(is_there),
            mask=Mask(image=image, index=index, encoding=encoding) if is_there and image else None,
            attributes={key: one for key, one in known.items() if one is not None},
        )


def _label_image(response: Item) -> tuple[str, Literal["gray8", "rgb24"]]:
    """Return the URL of the label image, and its encoding."""
    combined = response.child("annotations").child("combined")
    if "indexedImage" in combined:
        return combined.text("indexedImage"), "gray8"
    return combined.text("extendedIndexedImage", default=""), "rgb24"


def _record(task: Item, annotations: Iterable[Annotation], more: Mapping[str, Any]) -> Record:
    metadata = {**task.mapping("metadata"), **{key: task.get(key) for key in _TASK_KEYS}}
    metadata["review_status"] = review_status(task)
    metadata["global_attributes"] = dict(task.child("response").mapping("global_attributes"))
    metadata |= more
    with task.building():
        return Record(
            media=_picture(task),
            kind="image",
            annotations=tuple(annotations),
            metadata={key: one for key, one in metadata.items() if one not in (None, "", {})},
            id=task.text("task_id"),
            unit="pixel",
        )


def _picture(task: Item) -> str:
    """Return the URL of the converted picture, else of the attachment, where it can be fetched.

    An attachment in Scale's own store (`scaledata://`) is fetched from the download that names it.
    """
    attachment = task.child("params").text("attachment", default="")
    downloads = [one for one in task.children("attachmentS3Downloads") if "s3URL" in one]
    for download in downloads:
        if download.get("isConvertedImage"):
            return download.text("s3URL")
    if attachment and not attachment.startswith("scaledata://"):
        return attachment
    for download in downloads:
        if attachment in ("", download.get("attachmentURL")):
            return download.text("s3URL")
    if attachment:
        return attachment
    raise task.error("is missing, and there is no converted picture", field="params.attachment")


RECORD_OF: dict[str, Callable[[Item, ErrorPolicy], Record]] = {
    "imageannotation": _image_annotation,
    "segmentannotation": _segment_annotation,
}
"""Task type -> its reader."""
