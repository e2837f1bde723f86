"""Garbage collection: contents without names, tags of abandoned attempts, expired events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, literal, select, text

from common_ml.service.db import schema as t

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from common_ml.service.core import Core

GRACE_SECONDS = 24 * 3600
"""Grace period in seconds: younger objects may be about to get a name or a row."""
PROGRESS_SECONDS = 3600
"""Retention of progress events."""
_IDEMPOTENCY_SECONDS = 7 * 24 * 3600
_CHUNK = 500
_f, _p = t.file.c, t.prediction.c


@dataclass(frozen=True)
class Collected:
    """Number of removed objects."""

    files: int
    """Contents without a name."""
    strays: int
    """Contents of the store without a row in the database."""
    parts: int
    """Tags of removed files, and of abandoned attempts."""
    events: int
    texts: int
    """Unreferenced texts."""
    tokens: int
    """Expired sessions and API keys."""


def collect(core: Core, *, grace_seconds: float = GRACE_SECONDS) -> Collected:
    """Remove unreferenced objects; the service may run meanwhile.

    Args:
        core: The service.
        grace_seconds: Grace period; younger objects stay.

    Raises:
        StoreError: the store does not answer.
    """
    keys = core.database.write(
        lambda connection: _delete_unnamed_files(core, connection, grace_seconds)
    )
    for key in keys:
        _delete_unless_used(core, key)
    unreferenced = _unreferenced_contents(core, grace_seconds)
    for key in unreferenced:
        _delete_unless_used(core, key)
    parts = _remove_parts(core, grace_seconds)
    events, tokens = core.database.write(lambda connection: _expire(core, connection))
    texts = core.database.write(_delete_unused_texts)
    core.parts.clean_up()
    return Collected(len(keys), len(unreferenced), parts, events, texts, tokens)


def _delete_unnamed_files(core: Core, connection: Connection, grace_seconds: float) -> list[str]:
    """Delete the rows of contents that have no name; return their keys."""
    n = t.file_name.c
    old = core.clock.sql(connection) - grace_seconds
    unnamed = ~exists(select(literal(1)).where(n.file_id == _f.id))
    active = exists(
        select(literal(1)).where(_p.file_id == _f.id, _p.state.in_(["queued", "running"]))
    )
    gone = delete(t.file).where(unnamed, ~active, _f.created_at < old).returning(_f.id, _f.key)
    rows = connection.execute(gone).all()
    return [row.key for row in rows]


def _delete_unless_used(core: Core, key: str) -> None:
    """Delete a content, unless it was stored again meanwhile."""

    def work(connection: Connection) -> None:
        if core.database.is_postgresql:  # on SQLite a write transaction excludes all others
            connection.execute(text("LOCK TABLE file IN SHARE MODE"))
        used = select(_f.id).where(_f.key == key)
        if connection.execute(used).first() is None:
            core.contents.delete(key)  # while no other transaction can add its row

    core.database.write(work)


def _unreferenced_contents(core: Core, grace_seconds: float) -> list[str]:
    """Return contents without a row: a server was killed between storing and naming them."""
    before = core.clock.seconds() - grace_seconds
    old = [key for key, stored_at in core.contents.entries() if stored_at < before]
    known: set[str] = set()
    for start in range(0, len(old), _CHUNK):
        known |= _known_keys(core, old[start : start + _CHUNK])
    return [key for key in old if key not in known]


def _known_keys(core: Core, keys: list[str]) -> set[str]:
    wanted = select(_f.key).where(_f.key.in_(keys))
    return set(core.database.read(lambda connection: connection.execute(wanted).scalars().all()))


def _remove_parts(core: Core, grace_seconds: float) -> int:
    from common_ml.service.maintenance.backup import winning_parts
    from common_ml.service.maintenance.part_names import part_names, remove_part

    counted = {key.name for key in winning_parts(core)}
    before = core.clock.seconds() - grace_seconds
    number = 0
    for name, written_at in list(part_names(core)):
        if written_at < before and name.split(".jsonl")[0].removesuffix(".failed") not in counted:
            remove_part(core, name)
            number += 1
    return number


def _expire(core: Core, connection: Connection) -> tuple[int, int]:
    now = core.clock.sql(connection)
    e, o, k = t.event.c, t.webhook_outbox.c, t.token.c
    oldest = now - core.limits.event_days * 24 * 3600
    is_old = e.created_at < oldest
    is_progress = (e.kind == "prediction.progress") & (e.created_at < now - PROGRESS_SECONDS)
    events = connection.execute(delete(t.event).where(is_old | is_progress)).rowcount
    connection.execute(delete(t.webhook_outbox).where(o.state != "waiting", o.created_at < oldest))
    keys = t.idempotency.c
    connection.execute(delete(t.idempotency).where(keys.created_at < now - _IDEMPOTENCY_SECONDS))
    tokens = connection.execute(delete(t.token).where(k.expires_at < now)).rowcount
    return events, tokens


def _delete_unused_texts(connection: Connection) -> int:
    c = t.content_text.c
    used = [
        exists(select(literal(1)).where(table.c.text_id == c.id))
        for table in (t.label, t.file_name, t.tag)
    ]
    unused = delete(t.content_text)
    for condition in used:
        unused = unused.where(~condition)
    return connection.execute(unused).rowcount
