"""Middleware of every request: id, access log, metrics, security headers, uncaught errors."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.datastructures import MutableHeaders

from common_ml.service.logs import LOGGER_NAME, request_id
from common_ml.service.problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from common_ml.service.metrics import Metrics

_LOG = logging.getLogger(f"{LOGGER_NAME}.access")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'self'",
}
"""Of every answer that has no others."""


class RequestMiddleware:
    """Give each request an id; log, count and time it; report uncaught exceptions as problems."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identifier = _identifier(scope)
        token = request_id.set(identifier)
        started = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = identifier
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        self._metrics.in_progress.inc()
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # last resort: the client gets no traceback, the log does
            _LOG.exception("request failed", extra={"path": scope["path"]})
            if status:
                raise  # headers were sent: only closing the connection can signal the failure
            problem = Problem(500, "the server failed; the log has the request id")
            await problem.response(request_id=identifier)(scope, receive, send_with_headers)
        finally:
            self._metrics.in_progress.dec()
            self._note(scope, status, time.perf_counter() - started)
            request_id.reset(token)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "") or "other"
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.seconds.labels(scope["method"], route).observe(seconds)
        if scope["path"] in _QUIET and status < 400:
            return
        client = scope.get("client")
        _LOG.info(
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "client": client[0] if client else "",
                "user": scope.get("common_ml.user", ""),
            },
        )


def _identifier(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = str(value.decode("latin-1"))
            if _ID.match(text):
                return text
    return uuid4().hex
