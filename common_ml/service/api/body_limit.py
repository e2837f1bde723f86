"""Middleware that limits the size of request bodies, except those of uploads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from common_ml.service.logs import request_id
from common_ml.service.problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 16 << 20
"""Of a document or a login: 200,000 digests have room in it."""
_STREAMED = ("/v1/files", "/v1/uploads", "/model/predict")
"""Paths, with all below them, whose bodies go to the disk; they have limits of their own."""


class BodyLimit:
    """Answers 413 to larger bodies; before reading, where `Content-Length` is given.

    The framework reads a JSON body before it authenticates the request: without a limit, anybody
    could exhaust the memory.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or reject it."""
        if scope["type"] != "http" or _is_streamed(scope["path"]):
            await self._app(scope, receive, send)
            return
        if _stated_bytes(scope) > MAX_BODY_BYTES:
            problem = Problem(413, _too_large(), headers={"connection": "close"})
            await problem.response(request_id=request_id.get())(scope, receive, send)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413, _too_large(), headers={"connection": "close"})
            return message

        await self._app(scope, limited, send)


def _is_streamed(path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in _STREAMED)


def _stated_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _too_large() -> str:
    return (
        f"a body may have {MAX_BODY_BYTES:,} bytes here; hint: send several requests, and files to "
        "/v1/files or /v1/uploads"
    )
