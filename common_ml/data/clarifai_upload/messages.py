"""Inputs and annotations as messages, under ids that a second attempt finds again."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.clarifai_upload.job import Piece

if TYPE_CHECKING:
    from common_ml.data.clarifai_upload.job import Job
    from common_ml.data.clarifai_upload.library import Library
    from common_ml.data.formats.clarifai_inputs import Region

_OURS = uuid.UUID("5c1a0f0e-9d6f-5b5e-8a58-3f2f7a4f0c11")
"""Where the ids that are made here come from."""


def input_id(job: Job, content: bytes | None, *, fresh: bool) -> str:
    """The id of an input: the given one, else one made of address or name and content.

    Args:
        job: The record.
        content: Of a local file. Not its name alone: two folders have an `1.jpg`.
        fresh: Make a new one each time, for what is to be there twice.
    """
    if job.entry.id:
        return job.entry.id
    if fresh:
        return uuid.uuid4().hex
    digest = "" if content is None else hashlib.sha256(content).hexdigest()
    return uuid.uuid5(_OURS, f"{digest}:{job.entry.url}").hex


def input_message(library: Library, job: Job, content: bytes | None, *, again: bool) -> Any:
    """The message of an input; concepts only where no regions follow.

    Args:
        library: The platform's packages.
        job: The record, with its id.
        content: Of a local file; None: the platform fetches it.
        again: Whether it may be there under another id.

    Raises:
        ValueError: its metadata cannot be carried.
    """
    resources, entry = library.resources, job.entry
    data = resources.Data()
    media = getattr(data, job.record.kind or "image")
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
    if not job.late_concepts:
        data.concepts.extend(_concepts(resources, entry.concepts))
    return resources.Input(id=job.id, data=data)


def pieces_of(job: Job) -> list[Piece]:
    """The annotations that follow an input with regions, those of the whole first."""
    pieces = [whole_piece(job, job.entry.concepts)] if job.entry.concepts else []
    said: dict[bytes, int] = {}
    for region in job.entry.regions:
        box = region.box
        key = orjson.dumps([box.x1, box.y1, box.x2, box.y2, sorted(region.concepts.items())])
        # two regions that say the same are still two
        said[key] = said.get(key, 0) + 1
        piece_id = _piece_id(job, f"{key.decode()}#{said[key]}")
        pieces.append(Piece(piece_id, region.concepts, region))
    return pieces


def whole_piece(job: Job, concepts: dict[str, int]) -> Piece:
    """An annotation about the whole picture."""
    key = orjson.dumps(sorted(concepts.items())).decode()
    return Piece(_piece_id(job, key), concepts)


def annotation_message(library: Library, job: Job, piece: Piece) -> Any:
    """The message of an annotation."""
    resources = library.resources
    concepts = _concepts(resources, piece.concepts)
    if piece.region is None:
        data = resources.Data(concepts=concepts)
    else:
        data = resources.Data(regions=[_region(resources, piece.region, concepts)])
    return resources.Annotation(id=piece.id, input_id=job.id, data=data)


def _piece_id(job: Job, key: str) -> str:
    return uuid.uuid5(_OURS, f"{job.id}:{key}").hex


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
