"""Statistics: counts of what is stored and queued, and waiting times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from common_ml.service.db import schema as t

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from common_ml.service.core import Core

_p = t.prediction.c


@dataclass(frozen=True)
class Stats:
    """Numbers of the whole service."""

    predictions: dict[tuple[str, str], int]
    """Number of predictions by model and state."""
    files: int
    file_bytes: int
    users: int
    workers: int
    """Number of workers alive."""
    oldest_queued_seconds: float
    """Waiting time of the oldest queued prediction; 0 where nothing waits."""
    webhooks_waiting: int


def overview(core: Core) -> Stats:
    """Return the current statistics."""

    def work(connection: Connection) -> Stats:
        now = core.clock.sql(connection)
        grouped = select(_p.model, _p.state, func.count().label("n")).group_by(_p.model, _p.state)
        files = connection.execute(
            select(func.count().label("n"), func.coalesce(func.sum(t.file.c.size), 0).label("size"))
        ).one()
        alive = t.worker.c.seen_at >= now - core.limits.worker_seconds
        waits = select(func.coalesce(now - func.min(_p.queued_at), 0.0)).where(_p.state == "queued")
        outbox = select(func.count()).where(t.webhook_outbox.c.state == "waiting")
        return Stats(
            predictions={(row.model, row.state): row.n for row in connection.execute(grouped)},
            files=int(files.n),
            file_bytes=int(files.size),
            users=int(connection.execute(select(func.count(t.user.c.id))).scalar_one()),
            workers=int(
                connection.execute(select(func.count(t.worker.c.id)).where(alive)).scalar_one()
            ),
            oldest_queued_seconds=max(0.0, float(connection.execute(waits).scalar_one())),
            webhooks_waiting=int(connection.execute(outbox).scalar_one()),
        )

    return core.database.read(work)
