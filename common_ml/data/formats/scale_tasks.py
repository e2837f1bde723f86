"""One of Scale's tasks -> a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from common_ml.data.formats.scale_filter import review_status
from common_ml.data.formats.shapes import KEY
from common_ml.data.record import Annotation, Box, Mask, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from common_ml.data.formats.items import Item

_SIDES = ("left", "top", "width", "height")
_TOLD = ("task_id", "type", "status", "batch", "project", "created_at")


def _image_annotation(task: Item) -> Record:
    response = task.child("response")
    if "annotations" not in response:
        raise response.error("is missing", field="annotations")
    made = []
    for item in response.children("annotations"):
        with item.building():
            made.append(_annotation(item))
    return _record(task, made, {"classes": sorted(set(_classes(task)))})


def _annotation(item: Item) -> Annotation:
    attributes = dict(item.mapping("attributes"))
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
            if width < 0 or height < 0:
                side = "width" if width < 0 else "height"
                raise item.error(f"must be >= 0, got {item.get(side)}", field=side)
            box = Box(left, top, left + width, top + height)
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
    """Names of what was to be annotated, whatever the geometry; with sub-choices."""
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


def _segment_annotation(task: Item) -> Record:
    response = task.child("response")
    mapping = response.child("labelMapping")
    if not mapping.data:
        raise response.error("is missing", field="labelMapping")
    image, encoding = _label_image(response)
    made = []
    for label, value in mapping.data.items():
        entries = mapping.children(label) if isinstance(value, list) else [mapping.child(label)]
        for entry in entries:
            index, num_pixels = entry.whole("index"), entry.whole("numPixels", default=0)
            known = {"color": entry.get("color"), "num_pixels": num_pixels, "index": index}
            with entry.building():
                made.append(
                    Annotation(
                        label,
                        value=int(num_pixels > 0),
                        mask=Mask(image=image, index=index, encoding=encoding)
                        if num_pixels and image
                        else None,
                        attributes={key: one for key, one in known.items() if one is not None},
                    )
                )
    return _record(task, made, {"label_image": image, "label_image_encoding": encoding})


def _label_image(response: Item) -> tuple[str, Literal["gray8", "rgb24"]]:
    """The address of the picture that holds the numbers, and how."""
    combined = response.child("annotations").child("combined")
    if "indexedImage" in combined:
        return combined.text("indexedImage"), "gray8"
    return combined.text("extendedIndexedImage", default=""), "rgb24"


def _record(task: Item, annotations: Iterable[Annotation], more: Mapping[str, Any]) -> Record:
    metadata = {**task.mapping("metadata"), **{key: task.get(key) for key in _TOLD}}
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
    """The converted picture where there is one, else what was handed in."""
    for download in task.children("attachmentS3Downloads"):
        if download.get("isConvertedImage"):
            return download.text("s3URL")
    params = task.child("params")
    if "attachment" in params:
        return params.text("attachment")
    raise task.error("is missing, and there is no converted picture", field="params.attachment")


RECORD_OF: dict[str, Callable[[Item], Record]] = {
    "imageannotation": _image_annotation,
    "segmentannotation": _segment_annotation,
}
"""A task's type -> what reads it."""
