"""The audit log: logins, and changes of users, keys and roles."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from common_ml.service.db import schema as t

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor


@dataclass(frozen=True)
class AuditEntry:
    """One audited action."""

    id: int
    user_name: str
    action: str
    """Such as `user.created`."""
    object: str
    """The object of the action."""
    data: dict[str, Any]
    created_at: float


def record(
    core: Core,
    actor: Actor | str,
    action: str,
    *,
    object: str = "",  # noqa: A002 - the usual word in audit logs
    data: Mapping[str, Any] | None = None,
) -> None:
    """Record an action.

    Args:
        core: The service.
        actor: The user; a name where nobody is logged in, as at a failed login.
        action: Kind of the action, such as `login.failed`.
        object: The object of the action.
        data: Details, without secrets.
    """

    def work(connection: Connection) -> None:
        values = {
            "user_id": None if isinstance(actor, str) else actor.user_id,
            "user_name": (actor if isinstance(actor, str) else actor.name)[:200],
            "action": action,
            "object": object,
            "data": json.dumps(data or {}),
            "created_at": core.clock.sql(connection),
        }
        connection.execute(insert(t.audit).values(**values))

    core.database.write(work)


def entries(core: Core, *, limit: int = 100, before: int | None = None) -> list[AuditEntry]:
    """Return the entries, newest first.

    Args:
        core: The service.
        limit: How many at most.
        before: The id of an entry; only older ones are returned.
    """
    wanted = select(t.audit).order_by(t.audit.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(t.audit.c.id < before)
    rows = core.database.read(lambda connection: connection.execute(wanted).all())
    return [
        AuditEntry(
            row.id, row.user_name, row.action, row.object, json.loads(row.data), row.created_at
        )
        for row in rows
    ]
