"""`/v1/predictions/{id}/tags`, `/labels` and `/page`: results of a prediction."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.ranges import matches
from common_ml.service.api.v1.documents import parsed_id
from common_ml.service.api.v1.schemas import LabelDocument, Page
from common_ml.service.operations import files, predictions, results
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.predictions import Prediction
from common_ml.service.rendering import file_name, prediction_page, tag_lines

router = APIRouter(prefix="/v1/predictions", tags=["predictions"])
Reader = Annotated[Actor, Depends(allow("read"))]
Downloader = Annotated[Actor, Depends(allow("download"))]
JSON_LINES = "application/jsonl"
_LINES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes that `common-ml run` writes.",
        "content": {JSON_LINES: {"schema": {"type": "string"}}},
    },
    304: {"description": "Not modified"},
}
_PAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {}}}}
# the page has a policy of its own, with the hashes of its script and style
_PAGE_HEADERS = {
    "content-security-policy": "frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "cache-control": "private, no-cache",
}


@router.get("/{prediction_id}/tags", response_class=Response, responses=_LINES)
def prediction_tags(request: Request, prediction_id: str, actor: Downloader) -> Response:
    """Return the tags as JSON lines; they name the file as you do."""
    core = server_of(request).core
    prediction = predictions.get(core, actor, parsed_id(prediction_id, "prediction"))
    messages = results.messages_of(core, prediction)
    headers = {"etag": _etag(prediction), "cache-control": "private, no-cache"}
    if matches(request.headers.get("if-none-match", ""), headers["etag"]):
        return Response(status_code=304, headers=headers)
    name = file_name(f"{prediction.name}.{prediction.model}.jsonl")
    headers["content-disposition"] = _attachment(name)
    return StreamingResponse(tag_lines(messages), media_type=JSON_LINES, headers=headers)


@router.get("/{prediction_id}/labels", response_model=Page[LabelDocument])
def prediction_labels(
    request: Request,
    prediction_id: str,
    actor: Reader,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> dict[str, Any]:
    """Return its labels, most frequent first."""
    core = server_of(request).core
    prediction = predictions.get(core, actor, parsed_id(prediction_id, "prediction"))
    found = results.labels(core, [prediction.id], limit=limit)[prediction.id]
    items = [{"label": one.text, "n": one.n, "best": one.best} for one in found]
    return {"items": items, "next": None}


@router.get("/{prediction_id}/page", response_class=Response, responses=_PAGE)
def show_page(request: Request, prediction_id: str, actor: Downloader) -> Response:
    """Return the timeline page of a prediction."""
    core = server_of(request).core
    prediction = predictions.get(core, actor, parsed_id(prediction_id, "prediction"))
    page = prediction_page(
        prediction,
        results.messages_of(core, prediction),
        contents=core.contents,
        key=files.get(core, actor, prediction.sha256).key,
        params=prediction.params,
    )
    return Response(page, media_type="text/html", headers=_PAGE_HEADERS)


def _etag(prediction: Prediction) -> str:
    return f'"{prediction.id}-{prediction.part}"'


def _attachment(name: str) -> str:
    from urllib.parse import quote

    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
