"""Read and write Clarifai inputs as JSON, in the forms of protobuf and of this library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.clarifai.inputs import Input, Region
from common_ml.data.formats.shared.items import Item, items_of
from common_ml.data.formats.shared.media_names import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.formats.shared.policy import ErrorPolicy

_SNAKE = {
    "regionInfo": "region_info",
    "boundingBox": "bounding_box",
    "topRow": "top_row",
    "leftCol": "left_col",
    "bottomRow": "bottom_row",
    "rightCol": "right_col",
    "geoPoint": "geo_point",
}
"""Protobuf writes names in camel case by default; both are read."""


def inputs_from(data: Any, path: str, policy: ErrorPolicy) -> Iterator[Input]:
    """Yield the inputs of `{"inputs": [...]}` or of a bare list.

    Raises:
        FormatError: a wrong value, with item and field.
    """
    listed = data.get("inputs") if isinstance(data, Mapping) else data
    for item in items_of(
        listed, path, what='a list of inputs, or {"inputs": [...]}', policy=policy
    ):
        found = None
        with policy:
            found = _input_from(Item(_snake(item.data), path, item.place), policy)
        if found is not None:
            yield found


def object_of(one: Input) -> dict[str, Any]:
    """Convert an input to JSON; zeros are written out."""
    kind = "video" if kind_of(one.url) == "video" else "image"
    metadata = {key: value for key, value in one.metadata.items() if key != "geo"}
    geo = one.metadata.get("geo")
    data: dict[str, Any] = {kind: {"url": one.url}}
    if one.concepts:
        data["concepts"] = _concept_objects(one.concepts)
    if one.regions:
        data["regions"] = [_region_object(region) for region in one.regions]
    if _is_geo(geo):
        data["geo"] = {"geo_point": geo}
    elif geo is not None:
        metadata["geo"] = geo
    if metadata:
        data["metadata"] = metadata
    return {"id": one.id, "data": data} if one.id else {"data": data}


def _is_geo(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {"longitude", "latitude"}


def _region_object(region: Region) -> dict[str, Any]:
    box = region.box
    edges = {"top_row": box.y1, "left_col": box.x1, "bottom_row": box.y2, "right_col": box.x2}
    return {
        "region_info": {"bounding_box": edges},
        "data": {"concepts": _concept_objects(region.concepts)},
    }


def _concept_objects(concepts: dict[str, int]) -> list[dict[str, Any]]:
    return [{"id": name, "name": name, "value": value} for name, value in concepts.items()]


def _input_from(item: Item, policy: ErrorPolicy) -> Input:
    data = item.child("data")
    media = next((data.child(kind) for kind in ("image", "video", "audio") if kind in data), None)
    if media is None:
        raise data.error("has neither image nor video", field="")
    metadata = dict(policy.mapping(data, "metadata"))
    if "geo" in data:
        point = data.child("geo").child("geo_point")
        metadata["geo"] = {
            name: point.number(name, default=0.0) for name in ("longitude", "latitude")
        }
    return Input(
        url=media.text("url"),
        id=item.text("id", default="") if "id" in item else "",
        concepts=_concepts_from(data, policy),
        regions=tuple(_regions_from(data, policy)),
        metadata=metadata,
    )


def _regions_from(data: Item, policy: ErrorPolicy) -> Iterator[Region]:
    for item in policy.children(data, "regions"):
        region = None
        with policy:
            region = _region_from(item, policy)
        if region is not None:
            yield region


def _region_from(item: Item, policy: ErrorPolicy) -> Region:
    box = item.child("region_info").child("bounding_box")
    with box.building():
        edges = (
            box.number(name, default=0.0)
            for name in ("left_col", "top_row", "right_col", "bottom_row")
        )
        found = policy.clipped(policy.box(*edges))
    if found.clipped() != found:
        raise box.error(f"must be 0..1, a share of the picture, got {found}")
    return Region(found, _concepts_from(item.child("data"), policy))


def _concepts_from(item: Item, policy: ErrorPolicy) -> dict[str, int]:
    concepts: dict[str, int] = {}
    for concept in policy.children(item, "concepts"):
        with policy:
            name, value = _concept_from(concept)
            concepts[name] = value
    return concepts


def _concept_from(concept: Item) -> tuple[str, int]:
    name = concept.text("name", default="") if "name" in concept else concept.text("id")
    value = concept.number("value", default=0.0)
    if not 0 <= value <= 1:
        raise concept.error(f"must be 0..1, got {value}", field="value")
    return name, int(value >= 0.5)


def _snake(value: Any, *, inside: str = "") -> Any:
    if isinstance(value, Mapping) and inside != "metadata":  # whose keys are the user's
        return {_SNAKE.get(key, key): _snake(one, inside=key) for key, one in value.items()}
    if isinstance(value, list):
        return [_snake(one, inside=inside) for one in value]
    return value
