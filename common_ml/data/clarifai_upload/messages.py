"""Build the messages of inputs and annotations, with ids that a retry finds again."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.clarifai_upload.upload_item import Piece

if TYPE_CHECKING:
    from common_ml.data.clarifai_upload.library import Library
    from common_ml.data.clarifai_upload.upload_item import UploadItem
    from common_ml.data.formats.clarifai.inputs import Region

_OURS = uuid.UUID("5c1a0f0e-9d6f-5b5e-8a58-3f2f7a4f0c11")
"""UUID namespace of the generated ids."""


def input_id(item: UploadItem, content: bytes | None, *, fresh: bool) -> str:
    """Return the id of an input: the given one, else a hash of address or name and content.

    Args:
        item: The record.
        content: Bytes of a local file; the name alone is not unique (`1.jpg` in two folders).
        fresh: Make a new id each time, for inputs that are uploaded twice.
    """
    if item.entry.id:
        return item.entry.id
    if fresh:
        return uuid.uuid4().hex
    digest = "" if content is None else hashlib.sha256(content).hexdigest()
    return uuid.uuid5(_OURS, f"{digest}:{item.entry.url}").hex


def input_message(library: Library, item: UploadItem, content: bytes | None, *, again: bool) -> Any:
    """Build the message of an input; with concepts only where no regions follow.

    Args:
        library: The platform's packages.
        item: The record, with its id.
        content: Bytes of a local file; None: the platform fetches it.
        again: Whether it may exist under another id.

    Raises:
        ValueError: its metadata cannot be encoded.
    """
    resources, entry = library.resources, item.entry
    data = resources.Data()
    media = getattr(data, item.record.kind or "image")
    if content is None:
        media.url = entry.url
    else:
        media.base64 = content
    media.allow_duplicate_url = again
    metadata = dict(entry.metadata)
    geo = metadata.get("geo")
    if isinstance(geo, Mapping) and geo.keys() == {"longitude", "latitude"}:
        data.geo.geo_point.longitude = geo["longitude"]
        data.geo.geo_point.latitude = geo["latitude"]
        del metadata["geo"]
    if metadata:
        _fill(library, data.metadata, metadata)
    if not item.late_concepts:
        data.concepts.extend(_concepts(resources, entry.concepts))
    return resources.Input(id=item.id, data=data)


def pieces_of(item: UploadItem) -> list[Piece]:
    """Return the annotations of an input with regions, those of the whole first."""
    pieces = [whole_piece(item, item.entry.concepts)] if item.entry.concepts else []
    said: dict[bytes, int] = {}
    for region in item.entry.regions:
        box = region.box
        key = orjson.dumps([box.x1, box.y1, box.x2, box.y2, sorted(region.concepts.items())])
        # equal regions stay separate annotations
        said[key] = said.get(key, 0) + 1
        piece_id = _piece_id(item, f"{key.decode()}#{said[key]}")
        pieces.append(Piece(piece_id, region.concepts, region))
    return pieces


def whole_piece(item: UploadItem, concepts: dict[str, int]) -> Piece:
    """Build an annotation of the whole picture."""
    key = orjson.dumps(sorted(concepts.items())).decode()
    return Piece(_piece_id(item, key), concepts)


def annotation_message(library: Library, item: UploadItem, piece: Piece) -> Any:
    """Build the message of an annotation."""
    resources = library.resources
    concepts = _concepts(resources, piece.concepts)
    if piece.region is None:
        data = resources.Data(concepts=concepts)
    else:
        data = resources.Data(regions=[_region(resources, piece.region, concepts)])
    return resources.Annotation(id=piece.id, input_id=item.id, data=data)


def _piece_id(item: UploadItem, key: str) -> str:
    return uuid.uuid5(_OURS, f"{item.id}:{key}").hex


def _region(resources: Any, region: Region, concepts: list[Any]) -> Any:
    box = region.box
    edges = resources.BoundingBox(
        top_row=box.y1, left_col=box.x1, bottom_row=box.y2, right_col=box.x2
    )
    info = resources.RegionInfo(bounding_box=edges)
    return resources.Region(region_info=info, data=resources.Data(concepts=concepts))


def _concepts(resources: Any, concepts: Mapping[str, int]) -> list[Any]:
    return [resources.Concept(id=name, name=name, value=value) for name, value in concepts.items()]


def _fill(library: Library, struct: Any, metadata: dict[str, Any]) -> None:
    try:
        library.json_format.ParseDict(metadata, struct)
    except (library.json_format.ParseError, ArithmeticError, TypeError) as error:
        raise ValueError(f"its metadata cannot be sent: {error}") from error
