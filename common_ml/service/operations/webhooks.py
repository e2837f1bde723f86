"""Register webhooks of users, and list their deliveries."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import delete, func, insert, select

from common_ml.errors import InvalidRequestError, NotFoundError, QuotaError
from common_ml.service.db import schema as t

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor

MAX_PER_USER = 20
SECRET_PREFIX = "whsec_"  # noqa: S105 - what begins each of them
EVENTS = (
    "prediction.queued",
    "prediction.running",
    "prediction.done",
    "prediction.failed",
    "prediction.cancelled",
    "*",
)
"""Kinds that can be asked for; `*` is all, with progress."""


@dataclass(frozen=True)
class Webhook:
    """An address that is called when something happens to its owner's predictions."""

    id: int
    url: str
    events: tuple[str, ...]
    created_at: float
    failures: int
    """Failed deliveries since the last success."""


@dataclass(frozen=True)
class Delivery:
    """A delivery to a webhook."""

    id: int
    event_id: int
    state: str
    """waiting, delivered or failed."""
    attempts: int
    error: str | None
    created_at: float


def create(core: Core, actor: Actor, *, url: str, events: Sequence[str]) -> tuple[Webhook, str]:
    """Register a webhook for the actor's own predictions; return it and the secret, once.

    Raises:
        InvalidRequestError: the address or an event is not valid.
        QuotaError: the actor has too many.
    """
    problems = _problems(url) + [
        f"unknown event {kind!r:.100}, expected one of {list(EVENTS)}"
        for kind in events
        if kind not in EVENTS
    ]
    if not events:
        problems.append("no events given")
    if problems:
        raise InvalidRequestError(problems)
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()

    def work(connection: Connection) -> Webhook:
        w = t.webhook.c
        mine = select(func.count(w.id)).where(w.user_id == actor.user_id)
        if connection.execute(mine).scalar_one() >= MAX_PER_USER:
            raise QuotaError(f"you have {MAX_PER_USER} webhooks; hint: remove one first")
        values = {
            "user_id": actor.user_id,
            "url": url,
            "secret": secret,
            "events": json.dumps(sorted(set(events))),
            "created_at": core.clock.sql(connection),
        }
        new = insert(t.webhook).values(**values).returning(*w)
        return _webhook(connection.execute(new).one())

    return core.database.write(work), secret


def find_all(core: Core, actor: Actor) -> list[Webhook]:
    """Return the actor's webhooks, newest first."""
    w = t.webhook.c
    wanted = select(t.webhook).where(w.user_id == actor.user_id).order_by(w.id.desc())
    rows = core.database.read(lambda connection: connection.execute(wanted).all())
    return [_webhook(row) for row in rows]


def remove(core: Core, actor: Actor, number: int) -> None:
    """Remove a webhook, with the calls that wait.

    Raises:
        NotFoundError: the actor has none of this id.
    """
    w = t.webhook.c
    gone = delete(t.webhook).where(w.id == number, w.user_id == actor.user_id)
    if not core.database.write(lambda connection: connection.execute(gone).rowcount):
        raise NotFoundError(f"there is no webhook {number}")


def deliveries(core: Core, actor: Actor, number: int, *, limit: int = 100) -> list[Delivery]:
    """Return the latest calls of a webhook, newest first.

    Raises:
        NotFoundError: the actor has none of this id.
    """
    o = t.webhook_outbox.c
    if number not in {hook.id for hook in find_all(core, actor)}:
        raise NotFoundError(f"there is no webhook {number}")
    wanted = select(t.webhook_outbox).where(o.webhook_id == number).order_by(o.id.desc())
    rows = core.database.read(lambda connection: connection.execute(wanted.limit(limit)).all())
    return [
        Delivery(row.id, row.event_id, row.state, row.attempts, row.error, row.created_at)
        for row in rows
    ]


def _problems(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_fine = is_fine and url.isascii() and url.isprintable() and " " not in url
        is_fine = is_fine and parts.username is None and len(url) <= 2000
    except ValueError:  # a port that is no number
        is_fine = False
    return (
        [] if is_fine else [f"expected an http or https URL without a password, got {url!r:.200}"]
    )


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(row.id, row.url, tuple(json.loads(row.events)), row.created_at, row.failures)
