"""`/v1/workers` and `/v1/stats`: workers, and counts of files and predictions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.v1.documents import rfc3339_time
from common_ml.service.api.v1.schemas import Page, StatsDocument, WorkerDocument
from common_ml.service.operations import stats, workers
from common_ml.service.operations.actor import Actor

router = APIRouter(prefix="/v1", tags=["operations"])
Admin = Annotated[Actor, Depends(allow("admin"))]


@router.get("/workers", response_model=Page[WorkerDocument])
def list_workers(request: Request, actor: Admin) -> dict[str, Any]:
    """List the workers of today, also those that are gone."""
    del actor
    items = [
        {
            "id": one.id,
            "host": one.host,
            "pid": one.pid,
            "models": one.models,
            "started_at": rfc3339_time(one.started_at),
            "seen_at": rfc3339_time(one.seen_at),
            "alive": one.alive,
            "running": one.running,
        }
        for one in workers.find_all(server_of(request).core)
    ]
    return {"items": items, "next": None}


@router.get("/stats", response_model=StatsDocument)
def show_stats(request: Request, actor: Admin) -> dict[str, Any]:
    """Return the numbers of the whole service."""
    del actor
    found = stats.overview(server_of(request).core)
    predictions: dict[str, dict[str, int]] = {}
    for (model, state), number in found.predictions.items():
        predictions.setdefault(model, {})[state] = number
    return {
        "predictions": predictions,
        "files": found.files,
        "file_bytes": found.file_bytes,
        "users": found.users,
        "workers": found.workers,
        "oldest_queued_seconds": found.oldest_queued_seconds,
        "webhooks_waiting": found.webhooks_waiting,
    }
