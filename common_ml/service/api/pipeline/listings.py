"""`/model/list` and the other listings of models by type."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.operations import models
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.models import Model

router = APIRouter(prefix="/model", tags=["pipeline"])
Reader = Annotated[Actor, Depends(allow("read"))]
ModelType = Literal["image", "video", "audio", "text"]


@router.get("/list")
def list_models(
    request: Request, actor: Reader, model_type: ModelType | None = None
) -> dict[str, list[str]]:
    """List the names of models, of one type or of all."""
    del actor
    return _names(request, model_type)


@router.get("/list/all")
def list_all(request: Request, actor: Reader) -> dict[str, list[str]]:
    """List the names of all models."""
    del actor
    return _names(request, None)


@router.get("/list/{model_type}")
def list_of_type(request: Request, actor: Reader, model_type: ModelType) -> dict[str, list[str]]:
    """List the names of the models of one type."""
    del actor
    return _names(request, model_type)


@router.get("/all")
def all_models(request: Request, actor: Reader) -> dict[str, dict[str, Any]]:
    """Return the fields and the type of every model."""
    del actor
    return {
        "models": {
            model.name: {"fields": list(model.fields), "type": type_of(model)}
            for model in models.find_all(server_of(request).core)
        }
    }


@router.get("/tags")
def model_tags(request: Request, actor: Reader) -> dict[str, dict[str, str]]:
    """Return the tags of every model, separated by commas."""
    del actor
    found = models.find_all(server_of(request).core)
    return {"tags": {model.name: ",".join(model.tags) for model in found}}


@router.get("/types")
def model_types(request: Request, actor: Reader) -> dict[str, dict[str, str]]:
    """Return the type of every model."""
    del actor
    found = models.find_all(server_of(request).core)
    return {"tags": {model.name: type_of(model) for model in found}}


def type_of(model: Model) -> str:
    """Return the type of a model; several are separated by commas."""
    return ",".join(model.types)


def _names(request: Request, kind: str | None) -> dict[str, list[str]]:
    found = models.find_all(server_of(request).core, kind=kind)
    return {"models": [model.name for model in found]}
