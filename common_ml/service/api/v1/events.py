"""`/v1/events`: the event log as server-sent events."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from common_ml.service.api.dependencies import actor_of, allow, server_of
from common_ml.service.api.server_state import Server
from common_ml.service.operations import events
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.events import Event
from common_ml.service.problems import Problem

router = APIRouter(prefix="/v1/events", tags=["events"])
Reader = Annotated[Actor, Depends(allow("read"))]
_BEAT_SECONDS = 15.0
_PAGE = 500
_EVENT_ID = re.compile(r"\d{1,18}", re.ASCII)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
}


@router.get("", response_class=Response, responses=_STREAM)
async def stream_events(
    request: Request,
    actor: Reader,
    after: Annotated[
        int | None, Query(ge=0, le=2**62, description="Begin after this event; else with the next.")
    ] = None,
    last_event_id: Annotated[str, Header(max_length=20)] = "",
    *,
    everybody: Annotated[bool, Query(description="For administrators: all users'.")] = False,
) -> Response:
    """Stream events of your predictions; browsers resume by `Last-Event-ID` automatically.

    Each event has a `kind` such as `prediction.done` and a JSON object: `id`, `model`, `sha256`,
    `state`, `progress`, `error`, `num_tags`, `attempts`. The event `missed` says that events before
    the first one are no longer retained: read the lists again. The event `late` says that events
    are delayed, because the server cannot poll for them; `live` that they are timely again.
    """
    server = server_of(request)
    if everybody and not actor.sees_all:
        raise Problem(403, "only administrators may see everybody's events", code="forbidden")
    start = int(last_event_id) if _EVENT_ID.fullmatch(last_event_id) else after
    if start is None:
        start = await run_sync(events.latest, server.core)
    return StreamingResponse(
        _stream(server, request, actor, start, everybody=everybody),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _stream(
    server: Server, request: Request, actor: Actor, after: int, *, everybody: bool
) -> AsyncIterator[bytes]:
    yield b": connected\n\n"
    oldest = await run_sync(events.oldest, server.core)
    if oldest > after + 1 and after:
        yield b"event: missed\ndata: {}\n\n"
    was_late = False
    while not server.watcher.stopping.is_set():
        seen = server.watcher.seen
        if server.watcher.is_late != was_late:
            was_late = not was_late
            yield b"event: %s\ndata: {}\n\n" % (b"late" if was_late else b"live")
        found = await run_sync(
            lambda: events.after(server.core, actor, after, limit=_PAGE, everybody=everybody)  # noqa: B023 - awaited at once
        )
        if found:
            after = found[-1].id
            yield b"".join(map(_lines, found))
            continue
        await server.watcher.wait(seen, seconds=_BEAT_SECONDS, was_late=was_late)
        if server.watcher.seen == seen and server.watcher.is_late == was_late:
            try:
                await run_sync(actor_of, request)  # a revoked token sees nothing more
            except Problem:
                return
            yield b": beat\n\n"


def _lines(event: Event) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        event.id,
        event.kind.encode(),
        orjson.dumps(event.data),
    )
