"""The OpenAPI 3.1 document of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from common_ml import __version__
from common_ml.service.problems import MEDIA_TYPE, SCHEMA

if TYPE_CHECKING:
    from fastapi import FastAPI

TAGS = {
    "uploads": "Large files, resumable by tus 1.0.",
    "files": "Uploaded files: metadata and content.",
    "predictions": "One file with one model: state, tags, page.",
    "models": "Models, with their inputs, params and outputs.",
    "search": "Labels, tags and names; downloads and exports of selections.",
    "events": "Prediction events, as server-sent events.",
    "webhooks": "Prediction events, delivered by signed HTTP requests.",
    "session": "Login of the page.",
    "users": "Users and their roles.",
    "tokens": "API keys.",
    "operations": "Workers, numbers, health.",
    "pipeline": "The interface of the Abstracted Prediction Pipeline.",
    "inference": "The Open Inference Protocol, minimal.",
}
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


def add_openapi(app: FastAPI) -> None:
    """Let an app describe itself at `/openapi.json`."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="common-ml",
        version=__version__,
        openapi_version="3.1.0",
        description="Files in, tags out: the prediction service of common-ml.",
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = SCHEMA
    for name in ("HTTPValidationError", "ValidationError"):  # problems take their place
        schemas.pop(name, None)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token or API key."},
    }
    problem = {
        "description": "The request failed.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in document["paths"].values():
        for method, operation in path.items():
            if method in _METHODS:
                operation["responses"].pop("422", None)
                operation["responses"].setdefault("4XX", problem)
                operation["responses"].setdefault("5XX", problem)
                if not operation.pop("x-open", False):
                    operation["security"] = [{"bearer": []}]
    return document
