"""Event log of the service, in the order of commits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from common_ml.service.db import schema as t
from common_ml.service.db.notices import add_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor

_e = t.event.c


@dataclass(frozen=True)
class Event:
    """An entry of the event log."""

    id: int
    """Grows in the order of commits, so that reading after an id misses nothing."""
    kind: str
    """Such as `prediction.queued`, `.running`, `.progress`, `.done`, `.failed`, `.cancelled`."""
    data: dict[str, Any]
    created_at: float


def after(
    core: Core, actor: Actor, number: int, *, limit: int = 500, everybody: bool = False
) -> list[Event]:
    """Return the events after one, oldest first.

    Args:
        core: The service.
        actor: The user.
        number: The id of the last event already seen; 0 for all that are retained.
        limit: Maximum number of events.
        everybody: For administrators: also the events of others.
    """
    wanted = select(t.event).where(_e.id > number).order_by(_e.id).limit(limit)
    if not (everybody and actor.sees_all):
        wanted = wanted.where(_e.user_id == actor.user_id)
    rows = core.database.read(lambda connection: connection.execute(wanted).all())
    return [Event(row.id, row.kind, json.loads(row.data), row.created_at) for row in rows]


def latest(core: Core) -> int:
    """Return the id of the last event of all users; 0 if there is none."""
    wanted = select(func.coalesce(func.max(_e.id), 0))
    return core.database.read(lambda connection: int(connection.execute(wanted).scalar_one()))


def oldest(core: Core) -> int:
    """Return the id of the oldest retained event; 0 if there is none."""
    wanted = select(func.coalesce(func.min(_e.id), 0))
    return core.database.read(lambda connection: int(connection.execute(wanted).scalar_one()))


def add(
    core: Core, kind: str, *, user_id: int | None, subject: str = "", data: Mapping[str, Any]
) -> None:
    """Add an event for a user; without `user_id` one that only administrators see."""

    def work(connection: Connection) -> None:
        add_events(core, connection, [(kind, user_id, subject, data)])

    core.database.write(work)
