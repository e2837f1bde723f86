"""The ASGI application: all HTTP interfaces of one server."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from common_ml import __version__
from common_ml.service.api import inference, pipeline, system
from common_ml.service.api.body_limit import BodyLimit
from common_ml.service.api.errors import add_error_handlers
from common_ml.service.api.middleware import RequestMiddleware
from common_ml.service.api.openapi import add_openapi
from common_ml.service.api.v1 import (
    events,
    exports,
    files,
    models,
    operations,
    predictions,
    results,
    search,
    session,
    tokens,
    uploads,
    users,
    webhooks,
)
from common_ml.service.db.listener import Listener
from common_ml.service.logs import LOGGER_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from common_ml.service.api.server_state import Server

_LOG = logging.getLogger(LOGGER_NAME)
_TIDY_SECONDS = 600.0
_V1 = (
    *(session, uploads, files, predictions, results, exports, models, search),
    *(events, webhooks, users, tokens, operations),
)
_TUS_HEADERS = (
    "location",
    "etag",
    "retry-after",
    "tus-resumable",
    "tus-version",
    "tus-max-size",
    "tus-extension",
    "tus-checksum-algorithm",
    "upload-offset",
    "upload-length",
    "upload-expires",
    "upload-file",
    "x-request-id",
)


def create_app(server: Server) -> FastAPI:
    """Return the application of a server."""
    app = FastAPI(
        title="common-ml",
        version=__version__,
        docs_url=None,  # its scripts come from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,
    )
    app.state.server = server
    for module in (*_V1, pipeline, inference, system):
        app.include_router(module.router)
    app.mount("/shared", system.PageFiles("common_ml.report", "assets"), name="shared")
    app.mount("/", system.PageFiles(), name="page")
    add_error_handlers(app)
    add_openapi(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(server.cors_origins),
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=list(_TUS_HEADERS),
        max_age=3600,
    )
    app.add_middleware(RequestMiddleware, metrics=server.metrics)  # the outermost
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    server: Server = app.state.server
    tasks = [
        asyncio.create_task(server.watcher.run()),
        asyncio.create_task(_expire_uploads(server)),
    ]
    try:
        with Listener(server.core.database, "events", server.watcher.notify):
            yield
    finally:
        await server.watcher.stop()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _expire_uploads(server: Server) -> None:
    """Remove expired uploads periodically."""
    while True:
        try:
            removed = await run_sync(server.uploads.remove_expired)
        except OSError as error:
            _LOG.warning("cannot remove expired uploads: %s", error)
        else:
            if removed:
                _LOG.info("removed expired uploads", extra={"number": removed})
        await asyncio.sleep(_TIDY_SECONDS)
