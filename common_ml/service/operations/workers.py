"""Registry of workers: arrival, heartbeat, departure, and recovery of dead ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from common_ml.service.db import queue
from common_ml.service.db import schema as t
from common_ml.service.db.statements import insert_or
from common_ml.service.operations import models as models_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from common_ml.service.core import Core

_w = t.worker.c
_KEPT_SECONDS = 24 * 3600
"""How long a dead worker is listed, in seconds."""


@dataclass(frozen=True)
class WorkerInfo:
    """A worker."""

    id: str
    host: str
    pid: int
    models: dict[str, int]
    """Name to the number of taggers at once."""
    started_at: float
    seen_at: float
    """Unix time of its last heartbeat, in seconds."""
    alive: bool
    running: int
    """Number of predictions that it has leased."""


def arrive(core: Core, worker_id: str, *, host: str, pid: int, models: Mapping[str, int]) -> None:
    """Register a worker."""

    def work(connection: Connection) -> None:
        now = core.clock.sql(connection)
        values = {
            "id": worker_id,
            "host": host,
            "pid": pid,
            "models": json.dumps(dict(models)),
            "started_at": now,
            "seen_at": now,
        }
        new = insert_or(connection, t.worker).values(**values)
        connection.execute(new.on_conflict_do_update(index_elements=["id"], set_=values))
        models_of.touch(core, connection, models)

    core.database.write(work)


def beat(core: Core, worker_id: str, models: Mapping[str, int]) -> None:
    """Record a heartbeat."""

    def work(connection: Connection) -> None:
        seen = update(t.worker).where(_w.id == worker_id)
        connection.execute(seen.values(seen_at=core.clock.sql(connection)))
        models_of.touch(core, connection, models)

    core.database.write(work)


def leave(core: Core, worker_id: str) -> None:
    """Unregister a worker; requeue its predictions."""

    def work(connection: Connection) -> None:
        queue.release_others(core, connection, owner=worker_id, known=())
        connection.execute(delete(t.worker).where(_w.id == worker_id))

    core.database.write(work)


def find_all(core: Core) -> list[WorkerInfo]:
    """Return the workers, newest first."""

    def work(connection: Connection) -> list[WorkerInfo]:
        alive = core.clock.sql(connection) - core.limits.worker_seconds
        held: dict[str, int] = {}
        p = t.prediction.c
        for owner in connection.execute(select(p.owner).where(p.state == "running")).scalars():
            held[owner] = held.get(owner, 0) + 1
        wanted = select(t.worker, (_w.seen_at >= alive).label("alive"))
        return [
            WorkerInfo(
                id=row.id,
                host=row.host,
                pid=row.pid,
                models=json.loads(row.models),
                started_at=row.started_at,
                seen_at=row.seen_at,
                alive=bool(row.alive),
                running=held.get(row.id, 0),
            )
            for row in connection.execute(wanted.order_by(_w.started_at.desc()))
        ]

    return core.database.read(work)


def retire_dead(core: Core, host: str, is_alive: Callable[[str], bool]) -> list[str]:
    """Requeue the predictions of workers of this machine whose processes are gone.

    Does not wait for their leases to expire, so that a killed service continues at once.

    Args:
        core: The service.
        host: This machine, as they called it.
        is_alive: Whether the process of a worker's id exists.
    """

    def work(connection: Connection) -> list[str]:
        here = select(_w.id).where(_w.host == host)
        dead = [one for one in connection.execute(here).scalars() if not is_alive(one)]
        old = core.clock.sql(connection) - _KEPT_SECONDS
        connection.execute(delete(t.worker).where(_w.id.in_(dead) | (_w.seen_at < old)))
        p = t.prediction.c
        over = update(t.prediction).where(p.state == "running", p.owner.in_(dead))
        connection.execute(over.values(lease_until=0.0))
        queue.requeue_lost(core, connection)
        return dead

    return core.database.write(work)
