"""`/model/search` and `/model/search/download`: pages of 15 objects."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.operations import search
from common_ml.service.operations.actor import Actor
from common_ml.service.problems import Problem

router = APIRouter(prefix="/model", tags=["pipeline"])
Reader = Annotated[Actor, Depends(allow("read"))]
Downloader = Annotated[Actor, Depends(allow("download"))]
PAGE_SIZE = 15
Labels = Annotated[
    dict[str, list[Annotated[str, Field(max_length=1000)]]],
    Field(max_length=100, examples=[{"ocr": ["WELCOME"]}]),
]
Text = Annotated[str, Query(max_length=1000)]


class SearchFilter(BaseModel):
    """Model to classes, one of which it has found."""

    search_filter: Labels = Field(default_factory=dict)


@router.post("/search")
def search_objects(
    request: Request,
    actor: Reader,
    body: SearchFilter | None = None,
    page_id: Annotated[int, Query(ge=1, le=10_000_000, description="From 1 on.")] = 1,
    search_string: Text = "",
) -> dict[str, Any]:
    """Return one page of the objects that have the classes and the text.

    Numbers of more than 1,000 objects may be five seconds old.
    """
    server = server_of(request)
    core = server.core
    query = _query(body, search_string)
    key = (actor.user_id, actor.roles, actor.sees_all, repr(query))
    number = server.search_counts.get(key, lambda: search.count(core, actor, query))
    found = search.page(core, actor, query, number=page_id - 1, size=PAGE_SIZE)
    return {
        "num_pages": -(-number // PAGE_SIZE),
        "page_size": PAGE_SIZE,
        "num_objects": number,
        "current_page": page_id,
        "hashes": [file.md5 for file in found],
    }


@router.post("/search/download")
def search_all(
    request: Request,
    actor: Downloader,
    body: SearchFilter | None = None,
    search_string: Text = "",
) -> dict[str, list[str]]:
    """Return the MD5 of all objects that have the classes and the text."""
    query = _query(body, search_string)
    found = search.digests(server_of(request).core, actor, query)
    return {"hashes": [md5 for _, md5 in found]}


def _query(body: SearchFilter | None, text: str) -> search.Query:
    labels = {} if body is None else body.search_filter
    if not labels and not text.strip():
        raise Problem(400, "You must specify a search filter or a search string", code="invalid")
    return search.Query(text=text, labels=labels)
