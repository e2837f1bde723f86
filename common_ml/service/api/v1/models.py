"""`/v1/models`: the models, with their inputs, params and output fields."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.v1.documents import model_document
from common_ml.service.api.v1.schemas import Kind, ModelDocument, Page
from common_ml.service.operations import models
from common_ml.service.operations.actor import Actor

router = APIRouter(prefix="/v1/models", tags=["models"])
Reader = Annotated[Actor, Depends(allow("read"))]


@router.get("", response_model=Page[ModelDocument])
def list_models(
    request: Request,
    actor: Reader,
    type: Annotated[Kind | None, Query(description="Kind of file.")] = None,  # noqa: A002 - of the address
    tag: Annotated[str | None, Query(max_length=200)] = None,
    field: Annotated[
        str | None, Query(max_length=200, description="A field of its results.")
    ] = None,
    q: Annotated[str, Query(max_length=200, description="Words in name and description.")] = "",
) -> dict[str, Any]:
    """List models, by name."""
    del actor
    found = models.find_all(server_of(request).core, kind=type, tag=tag, text=q)
    items = [model_document(m) for m in found if field is None or field in m.fields]
    return {"items": items, "next": None}


@router.get("/{name}", response_model=ModelDocument)
def show_model(request: Request, name: str, actor: Reader) -> dict[str, Any]:
    """Describe a model: its params as JSON Schema, and its queue."""
    del actor
    return model_document(models.get(server_of(request).core, name))
