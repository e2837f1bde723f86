"""Liveness, readiness, metrics and the static page."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

from common_ml.service import metrics
from common_ml.service.api.dependencies import actor_of, server_of
from common_ml.service.problems import Problem

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

router = APIRouter(tags=["operations"])
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-src 'self'; frame-ancestors 'none'"
)
"""Content security policy of the page: nothing inline, nothing from elsewhere."""
_OPEN = {"x-open": True}


@router.get("/healthz", openapi_extra=_OPEN)
async def healthz() -> dict[str, str]:
    """Liveness probe: the server runs."""
    return {"status": "ok"}


@router.get("/readyz", openapi_extra=_OPEN)
async def readyz(request: Request) -> dict[str, Any]:
    """Readiness probe: 503 where the database, the store or the disk fails.

    Delayed events are reported, but do not make the server unready.
    """
    server = server_of(request)
    checks = await server.readiness()
    failed = [name for name, problem in checks.items() if problem]
    if failed:
        raise Problem(
            503,
            "; ".join(f"{name}: {checks[name]}" for name in failed),
            code="not_ready",
            headers={"retry-after": "5"},
            checks={name: problem or "ok" for name, problem in checks.items()},
        )
    problem = server.watcher.problem
    events = f"late: {problem}" if problem else "ok"
    return {"status": "ok", "checks": {**dict.fromkeys(checks, "ok"), "events": events}}


@router.get("/metrics", response_class=Response, openapi_extra=_OPEN)
def show_metrics(request: Request) -> Response:
    """Return metrics for Prometheus, to administrators and clients on this machine."""
    if not _is_local(request):
        actor = actor_of(request)
        if not actor.sees_all:
            raise Problem(403, "metrics need the right 'admin'")
    server = server_of(request)
    predictions, workers = server.counts()
    return Response(
        server.metrics.exposition(predictions, workers=workers), media_type=metrics.CONTENT_TYPE
    )


def _is_local(request: Request) -> bool:
    """Whether the client is on this machine, and not a proxy for others."""
    forwarded = {"forwarded", "x-forwarded-for", "x-real-ip"} & set(request.headers)
    return (
        not forwarded and request.client is not None and request.client.host in {"127.0.0.1", "::1"}
    )


class PageFiles(StaticFiles):
    """Serves the static files of the page, with a strict content security policy."""

    def __init__(self, package: str = "common_ml.service", name: str = "page") -> None:
        folder = Path(str(resources.files(package) / name))
        super().__init__(directory=folder, html=True, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file."""

        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", PAGE_POLICY.encode()),
                    (b"cache-control", b"no-cache"),
                ]
            await send(message)

        await super().__call__(scope, receive, send_with_policy)
