"""`/v1/predictions`: request predictions, list them, wait, cancel and retry."""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from common_ml.errors import ConflictError, NotFoundError
from common_ml.service.api.cursors import decode_cursor, encode_cursor
from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.server_state import Server
from common_ml.service.api.v1.documents import parsed_id, prediction_document
from common_ml.service.api.v1.schemas import (
    LookupRequest,
    ModelChoice,
    Name,
    Page,
    PredictionDocument,
    Predictions,
    PredictRequest,
    State,
)
from common_ml.service.operations import files, predictions
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.predictions import Choice, Prediction

router = APIRouter(prefix="/v1", tags=["predictions"])
Reader = Annotated[Actor, Depends(allow("read"))]
Predictor = Annotated[Actor, Depends(allow("predict"))]
Prefer = Annotated[
    str, Header(max_length=200, description="`wait=N`: answer when all is finished, or after N s.")
]
MAX_WAIT_SECONDS = 60
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")
_MAX_IN_ADDRESS = 100
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    200: {"model": Predictions, "description": "All is finished."},
    202: {"model": Predictions, "description": "Queued or running."},
}


@router.post("/predictions", status_code=202, response_model=Predictions, responses=_ACCEPTED)
async def create_predictions(
    request: Request,
    response: Response,
    actor: Predictor,
    body: PredictRequest,
    prefer: Prefer = "",
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, description="The same key: the same predictions."),
    ] = None,
) -> dict[str, Any]:
    """Submit every file with every model; existing results are reused."""
    server = server_of(request)
    choices = [_choice(model, body.params) for model in body.models]

    def submit() -> list[int]:
        server.check_started(choice.model for choice in choices)
        return predictions.submit(
            server.core,
            actor,
            files=body.files,
            choices=choices,
            priority=body.priority,
            force=body.force,
            idempotency_key=idempotency_key,
        )

    ids = await run_sync(submit)
    found = await finished_or_late(server, actor, ids, prefer=prefer)
    response.status_code = 202 if any(one.is_pending for one in found) else 200
    if len(ids) == 1:
        response.headers["location"] = f"/v1/predictions/{ids[0]}"
    elif len(ids) <= _MAX_IN_ADDRESS:
        response.headers["location"] = f"/v1/predictions?ids={','.join(map(str, ids))}"
    if _wait_seconds(prefer):
        response.headers["preference-applied"] = "wait"
    return {"predictions": [*map(prediction_document, found)]}


@router.get("/predictions", response_model=Page[PredictionDocument])
def list_predictions(
    request: Request,
    actor: Reader,
    state: Annotated[list[State] | None, Query(max_length=5)] = None,
    model: Annotated[Name | None, Query()] = None,
    file: Annotated[str, Query(max_length=64, description="SHA-256 or MD5.")] = "",
    ids: Annotated[
        str, Query(max_length=2000, description="Only these, separated by commas.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str, Query(max_length=2048)] = "",
) -> dict[str, Any]:
    """List predictions, newest first."""
    core = server_of(request).core
    if ids:
        numbers = [parsed_id(text, "prediction") for text in ids.split(",")]
        found = predictions.get_many(core, actor, numbers)
        return {"items": [*map(prediction_document, found)], "next": None}
    found = predictions.find(
        core,
        actor,
        model=model,
        states=state,
        file_id=files.get(core, actor, file).id if file else None,
        limit=limit,
        before=decode_cursor(cursor, int)[0] if cursor else None,
    )
    return {
        "items": [*map(prediction_document, found)],
        "next": encode_cursor(found[-1].id) if len(found) == limit else None,
    }


@router.post("/predictions:lookup", response_model=Predictions)
async def look_up(
    request: Request, actor: Reader, body: LookupRequest, prefer: Prefer = ""
) -> dict[str, Any]:
    """Return predictions by their ids, in this order."""
    server = server_of(request)
    numbers = [parsed_id(text, "prediction") for text in body.ids]
    found = await finished_or_late(server, actor, numbers, prefer=prefer)
    return {"predictions": [*map(prediction_document, found)]}


@router.post("/predictions:cancel", response_model=Predictions)
def cancel_many(request: Request, actor: Predictor, body: LookupRequest) -> dict[str, Any]:
    """Cancel predictions; those that are finished stay as they are."""
    core = server_of(request).core
    numbers = [parsed_id(text, "prediction") for text in body.ids]
    predictions.cancel(core, actor, numbers)
    found = predictions.get_many(core, actor, numbers)
    return {"predictions": [*map(prediction_document, found)]}


@router.post("/predictions:retry", response_model=Predictions)
def retry_many(request: Request, actor: Predictor, body: LookupRequest) -> dict[str, Any]:
    """Requeue predictions that failed or were cancelled."""
    core = server_of(request).core
    numbers = [parsed_id(text, "prediction") for text in body.ids]
    predictions.retry(core, actor, numbers)
    found = predictions.get_many(core, actor, numbers)
    return {"predictions": [*map(prediction_document, found)]}


@router.get("/predictions/{prediction_id}", response_model=PredictionDocument)
async def show_prediction(
    request: Request, prediction_id: str, actor: Reader, prefer: Prefer = ""
) -> dict[str, Any]:
    """Describe a prediction."""
    server = server_of(request)
    number = parsed_id(prediction_id, "prediction")
    (found,) = await finished_or_late(server, actor, [number], prefer=prefer)
    return prediction_document(found)


@router.post("/predictions/{prediction_id}:cancel", response_model=PredictionDocument)
def cancel_prediction(request: Request, prediction_id: str, actor: Predictor) -> dict[str, Any]:
    """Cancel a queued or running prediction; it goes on for other users who requested it."""
    core = server_of(request).core
    number = parsed_id(prediction_id, "prediction")
    changed = predictions.cancel(core, actor, [number])
    found = predictions.get(core, actor, number)
    if not changed and found.state != "cancelled":
        raise ConflictError(f"prediction {number} is {found.state}: it cannot be cancelled")
    return prediction_document(found)


@router.post("/predictions/{prediction_id}:retry", response_model=PredictionDocument)
def retry_prediction(
    request: Request, prediction_id: str, actor: Predictor, *, force: bool = False
) -> dict[str, Any]:
    """Requeue a prediction that failed or was cancelled; with `force` also a completed one."""
    core = server_of(request).core
    number = parsed_id(prediction_id, "prediction")
    if not predictions.retry(core, actor, [number], force=force):
        found = predictions.get(core, actor, number)
        raise ConflictError(
            f"prediction {number} is {found.state}: only what failed or was cancelled is retried"
        )
    return prediction_document(predictions.get(core, actor, number))


async def finished_or_late(
    server: Server, actor: Actor, numbers: list[int], *, prefer: str
) -> list[Prediction]:
    """Return predictions when all are finished, or after the timeout of the `Prefer` header.

    Raises:
        NotFoundError: a prediction that the actor may not see.
    """
    until = time.monotonic() + _wait_seconds(prefer)
    unique = list(dict.fromkeys(numbers))
    while True:
        seen = server.watcher.seen
        found = {
            one.id: one for one in await run_sync(predictions.get_many, server.core, actor, unique)
        }
        missing = [number for number in unique if number not in found]
        if missing:
            raise NotFoundError(f"there is no prediction {missing[0]}")
        left = until - time.monotonic()
        is_over = left <= 0 or server.watcher.stopping.is_set()
        if is_over or not any(one.is_pending for one in found.values()):
            return [found[number] for number in numbers]
        await server.watcher.wait(seen, seconds=left)


def _wait_seconds(prefer: str) -> int:
    found = _WAIT.search(prefer)
    return min(int(found[1]), MAX_WAIT_SECONDS) if found else 0


def _choice(model: str | ModelChoice, params: dict[str, Any]) -> Choice:
    return Choice(model, params) if isinstance(model, str) else Choice(model.name, model.params)
