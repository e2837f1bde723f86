"""Convert Diffgram's files with their instances to records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.items import Item, items_of
from common_ml.data.formats.shared.media_names import kind_of
from common_ml.data.formats.shared.shapes import KEY
from common_ml.data.record import Annotation, Record
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.formats.shared.policy import ErrorPolicy
    from common_ml.data.record import Kind

_EDGES = ("x_min", "y_min", "x_max", "y_max")
_KNOWN = {"instance_list", "image", "video", "id", "file_id", "children", "type", "file"}
_KINDS: dict[str, Kind] = {"image": "image", "video": "video", "frame": "image", "audio": "audio"}


def files_of(data: Any, path: str, policy: ErrorPolicy) -> Iterator[Item]:
    """Yield the files of an export.

    Raises:
        FormatError: there are none in it.
    """
    names: Mapping[str, Any] = {}
    if isinstance(data, Mapping):
        names = data.get("label_map") or {}
        if not isinstance(names, Mapping):
            raise FormatError(
                f"{path}: label_map must be an object, got {names!r:.80}",
                path=path,
                field="label_map",
            )
        listed = data.get("file_list")
        if listed is None:
            # files are mixed with the export's own keys, each under its id
            listed = [
                {"id": key, **value}
                for key, value in data.items()
                if isinstance(value, Mapping) and "instance_list" in value
            ]
            if data and not listed and not any(key in data for key in ("label_map", "readme")):
                raise FormatError(
                    f"{path}: must be an export: files with instance_list, got "
                    f"keys {', '.join(map(str, list(data)[:5]))}",
                    path=path,
                )
        data = listed
    for item in items_of(
        data, path, what="an export: a list of files, or an object of them", policy=policy
    ):
        yield replace(item, data={**item.data, "label_map": names})


def records_of(file: Item, policy: ErrorPolicy, parent: str = "") -> Iterator[Record]:
    """Convert a file to a record, or a compound file to those of its children."""
    if "file" in file:  # exports have the file's properties in a separate object
        file = replace(file, data={**file.mapping("file"), **file.data})
    children = list(policy.children(file, "children"))
    for child in children:
        inherited = {**child.data, "label_map": file.get("label_map")}
        yield from records_of(replace(child, data=inherited), policy, _id(file))
    if not children:
        yield _record(file, policy, parent)


def _id(file: Item) -> str:
    return file.text("id" if "id" in file else "file_id")


def _record(file: Item, policy: ErrorPolicy, parent: str) -> Record:
    image = file.child("image") if "image" in file else file.child("video")
    media = next(
        (
            place.text(key)
            for place in (image, file)
            for key in ("url_signed", "blob_url", "url", "original_filename")
            if key in place
        ),
        None,
    )
    if media is None:
        raise file.error("has neither an address nor original_filename", field="image")
    name = _first_text("original_filename", file, image) or media
    kind = _KINDS.get(file.text("type", default=""), kind_of(name))
    listed = policy.children(file, "instance_list")
    instances = [one for one in listed if not one.get("soft_delete")]
    metadata = {key: value for key, value in file.data.items() if key not in _KNOWN}
    metadata.pop("label_map", None)
    metadata |= {"original_filename": name, **({"parent_id": parent} if parent else {})}
    common = [one for one in instances if one.get("type") == "global"]
    if common:
        with policy:
            metadata["global_attributes"] = _groups(common[0])
    made: list[Annotation] = []
    for one in instances:
        if one.get("type") != "global":
            with policy:
                made.append(_annotation(one, file, policy))
    with file.building():
        return Record(
            media=media,
            kind=kind,
            width=image.whole_or_none("width"),
            height=image.whole_or_none("height"),
            annotations=tuple(made),
            metadata={key: value for key, value in metadata.items() if value is not None},
            id=_id(file),
            unit="pixel",
        )


def _first_text(key: str, *places: Item) -> str:
    return next((place.text(key) for place in places if key in place), "")


def _annotation(item: Item, file: Item, policy: ErrorPolicy) -> Annotation:
    kind = item.text("type", default="box")
    attributes: dict[str, Any] = dict(_groups(item))
    for key in ("number", "machine_made"):
        if item.get(key) is not None:
            attributes[key] = item.get(key)
    box = polygon = None
    with item.building():
        if kind == "box":
            box = policy.box(*(item.number(edge) for edge in _EDGES))
        elif kind == "polygon":
            polygon = tuple((x, y) for x, y in _points(item))
        elif kind != "tag":
            attributes[KEY] = _geometry(item, kind)
        return Annotation(
            label=_label(item, file),
            confidence=item.number_or_none("score"),
            box=box,
            polygon=polygon,
            frame_index=item.whole_or_none("frame_number"),
            attributes=attributes,
        )


def _label(item: Item, file: Item) -> str:
    """Return the label, perhaps from the export's `label_map`; "" for an instance without label."""
    inner = item.child("label_file").child("label")
    if "name" in inner:
        return inner.text("name")
    if "label_name" in item:
        return item.text("label_name")
    if "label_file_id" not in item:
        return ""
    number = item.text("label_file_id")
    names = file.mapping("label_map")
    if number not in names:
        raise item.error(f"there is no label {number} in label_map", field="label_file_id")
    found = names[number]
    return str(found.get("name", "")) if isinstance(found, Mapping) else str(found)


def _points(item: Item) -> list[list[float]]:
    return [[corner.number("x"), corner.number("y")] for corner in item.children("points")]


def _geometry(item: Item, kind: str) -> dict[str, Any]:
    geometry: dict[str, Any] = {"type": kind, "unit": "pixel"}
    if "points" in item:
        geometry["points"] = _points(item)
    for key in (*_EDGES, "center_x", "center_y", "width", "height", "angle", "cp"):
        if isinstance(item.get(key), (int, float)):
            geometry[key] = item.number(key)
    for key in ("front_face", "rear_face"):
        if item.get(key) is not None:
            geometry[key] = item.mapping(key)
    return geometry


def _groups(item: Item) -> Mapping[str, Any]:
    """Read attribute groups: an object by id, or nothing."""
    groups = item.get("attribute_groups")
    if isinstance(groups, list):  # some exports: [{"name": ..., "value": ...}]
        return {
            one.text("name" if "name" in one else "id"): one.get("value")
            for one in item.children("attribute_groups")
        }
    return item.mapping("attribute_groups")
