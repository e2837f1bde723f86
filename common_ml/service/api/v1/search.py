"""`/v1/search`, `/v1/tags` and `/v1/tag-roles`: search, tag and share files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from common_ml.service.api.cursors import decode_cursor, encode_cursor
from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.v1.documents import file_document
from common_ml.service.api.v1.schemas import FileDocument, Page, SearchRequest, TagsRequest
from common_ml.service.operations import files, search, tags
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.search import Query

router = APIRouter(prefix="/v1", tags=["search"])
Reader = Annotated[Actor, Depends(allow("read"))]
Tagger = Annotated[Actor, Depends(allow("tag"))]


@router.post("/search", response_model=Page[FileDocument])
def search_files(request: Request, actor: Reader, body: SearchRequest) -> dict[str, Any]:
    """Find files by labels, confidence, tags, names, kinds and states; newest first."""
    query = Query(
        text=body.text,
        labels=body.labels,
        min_confidence=body.min_confidence,
        kinds=body.kinds,
        models=body.models,
        states=body.states,
        tags=body.tags,
    )
    before = decode_cursor(body.cursor, int)[0] if body.cursor else None
    found = search.find(server_of(request).core, actor, query, limit=body.limit, before=before)
    return {
        "items": [*map(file_document, found)],
        "next": encode_cursor(found[-1].position) if len(found) == body.limit else None,
    }


@router.post("/tags", response_model=Page[FileDocument])
def tag_files(request: Request, actor: Tagger, body: TagsRequest) -> dict[str, Any]:
    """Add and remove tags of files; return the files as they are then."""
    core = server_of(request).core
    tags.change(core, actor, body.files, add=body.add, remove=body.remove)
    return _shown(request, actor, body.files)


@router.post("/tag-roles", response_model=Page[FileDocument])
def open_files(request: Request, actor: Tagger, body: TagsRequest) -> dict[str, Any]:
    """Open files to roles, whose users may then see and tag them, or close them again."""
    core = server_of(request).core
    tags.change_roles(core, actor, body.files, add=body.add, remove=body.remove)
    return _shown(request, actor, body.files)


def _shown(request: Request, actor: Actor, digests: list[str]) -> dict[str, Any]:
    found = files.get_many(server_of(request).core, actor, digests)
    shown = [file_document(found[digest]) for digest in digests if digest in found]
    return {"items": shown, "next": None}
