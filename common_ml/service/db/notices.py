"""Transactional outbox: events and webhook deliveries, written in the transaction of a change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text

from common_ml.service.db import schema as t

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from common_ml.service.core import Core

_LOCK = 0x636D6C02
"""Number of the advisory lock of PostgreSQL."""
_CHUNK = 500
_p = t.prediction.c


def note_states(
    core: Core,
    connection: Connection,
    numbers: Sequence[int],
    *,
    kind: str = "",
    withdrawn_by: int | None = None,
) -> None:
    """Add events about the state of predictions for every user who requested them.

    Args:
        core: The service.
        connection: Of the transaction that changed them; the last that it does, if possible.
        numbers: The predictions.
        kind: Of the event; by default `prediction.` and the state.
        withdrawn_by: If given, only this user is notified, of a cancellation.
    """
    rows: list[tuple[str, int, str, dict[str, Any]]] = []
    for start in range(0, len(numbers), _CHUNK):
        wanted = (
            select(
                _p.id,
                _p.model,
                _p.state,
                _p.progress,
                _p.error,
                _p.num_tags,
                _p.attempts,
                t.file.c.sha256,
                t.request.c.user_id,
                t.request.c.cancelled,
            )
            .join(t.file, t.file.c.id == _p.file_id)
            .join(t.request, t.request.c.prediction_id == _p.id)
            .where(_p.id.in_(numbers[start : start + _CHUNK]))
            .order_by(_p.id, t.request.c.user_id)
        )
        for row in connection.execute(wanted):
            is_withdrawn = withdrawn_by == row.user_id or (
                row.cancelled and row.state == "cancelled"
            )
            if withdrawn_by is not None and withdrawn_by != row.user_id:
                continue
            if row.cancelled and not is_withdrawn:
                continue
            state = "cancelled" if is_withdrawn else row.state
            data = {
                "id": str(row.id),
                "model": row.model,
                "sha256": row.sha256,
                "state": state,
                "progress": row.progress,
                "error": row.error,
                "num_tags": row.num_tags,
                "attempts": row.attempts,
            }
            rows.append((kind or f"prediction.{state}", row.user_id, str(row.id), data))
    add_events(core, connection, rows)


def add_events(
    core: Core,
    connection: Connection,
    rows: Sequence[tuple[str, int | None, str, Mapping[str, Any]]],
) -> None:
    """Add events, each with its kind, user, subject and data, and enqueue webhook deliveries.

    Ids grow in the order of commits, so that reading after an id misses none. Listeners are
    notified at the commit.
    """
    if not rows:
        return
    core.database.announce(connection, "events")
    if any(kind == "prediction.queued" for kind, *_ in rows):
        core.database.announce(connection, "queue")
    if connection.dialect.name == "postgresql":
        # held until the commit; SQLite has one writer anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    now = core.clock.sql(connection)
    hooks = _webhooks(connection, {user_id for _, user_id, _, _ in rows if user_id is not None})
    for kind, user_id, subject, data in rows:
        values = {
            "kind": kind,
            "user_id": user_id,
            "subject": subject,
            "data": json.dumps(data),
            "created_at": now,
        }
        new = insert(t.event).values(**values).returning(t.event.c.id)
        event_id = connection.execute(new).scalar_one()
        for hook_id, kinds in hooks.get(user_id, []):
            if kind in kinds or "*" in kinds:
                _enqueue(connection, hook_id, event_id, kind=kind, data=data, now=now)


def _enqueue(
    connection: Connection,
    hook_id: int,
    event_id: int,
    *,
    kind: str,
    data: Mapping[str, Any],
    now: Any,
) -> None:
    body = json.dumps({"id": str(event_id), "type": kind, "data": data})
    connection.execute(
        insert(t.webhook_outbox).values(
            webhook_id=hook_id,
            event_id=event_id,
            body=body,
            not_before=now,
            state="waiting",
            created_at=now,
        )
    )


def _webhooks(
    connection: Connection, users: set[int]
) -> dict[int | None, list[tuple[int, list[str]]]]:
    found: dict[int | None, list[tuple[int, list[str]]]] = {}
    wanted = select(t.webhook.c.id, t.webhook.c.user_id, t.webhook.c.events)
    for row in connection.execute(wanted.where(t.webhook.c.user_id.in_(sorted(users)))):
        found.setdefault(row.user_id, []).append((row.id, json.loads(row.events)))
    return found
