"""Deliver webhooks from the outbox, with exponential back-off after failures."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, null, select, update

from common_ml.errors import DatabaseUnavailableError, ServiceError
from common_ml.service.db import schema as t
from common_ml.service.db.listener import Listener
from common_ml.service.webhooks.signing import signature
from common_ml.service.webhooks.target import TIMEOUT_SECONDS, post

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from types import TracebackType

    from sqlalchemy import Connection
    from typing_extensions import Self

    from common_ml.service.core import Core

MAX_ATTEMPTS = 10
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 6 * 3600.0
_LEASE_SECONDS = 60.0
"""Lease of a delivery, after which it is sent again if the sender was killed (at least once)."""
_NUM_THREADS = 8
_POLL_SECONDS = 0.5
_o, _w = t.webhook_outbox.c, t.webhook.c
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """A due delivery."""

    id: int
    webhook_id: int
    attempt: int
    url: str
    secret: str
    body: str


class WebhookSender:
    """Delivers webhooks in threads; a context manager that ends them on exit.

    Deliveries to one webhook are sequential, in the order of events, so that an unresponsive target
    delays only its own.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stop = threading.Event()
        self._rung = threading.Event()
        self._busy: set[int] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="webhooks")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._rung.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        with Listener(self._core.database, "events", self._rung.set):
            while not self._stop.is_set():
                try:
                    self._start_due()
                except DatabaseUnavailableError as error:  # it may come back
                    logger.warning("%s", error)
                self._rung.wait(_POLL_SECONDS)
                self._rung.clear()

    def _start_due(self) -> None:
        """Start due deliveries on idle threads."""
        with self._lock:
            busy, idle = set(self._busy), _NUM_THREADS - len(self._busy)
        if idle < 1:
            return
        calls = take_due(self._core, limit=idle, without=busy)
        for call in calls:
            with self._lock:
                self._busy.add(call.webhook_id)
            self._pool.submit(self._make, call)

    def _make(self, call: Call) -> None:
        """Deliver to one webhook as long as it succeeds."""
        following: Call | None = call
        try:
            while following is not None and make_call(self._core, following):
                following = self._following(call.webhook_id)
        except DatabaseUnavailableError as error:
            logger.warning("%s; the delivery will be retried", error)
        finally:
            with self._lock:
                self._busy.discard(call.webhook_id)

    def _following(self, webhook_id: int) -> Call | None:
        if self._stop.is_set():
            return None
        return next(iter(take_due(self._core, limit=1, only=webhook_id)), None)


def take_due(
    core: Core, *, limit: int, without: AbstractSet[int] = frozenset(), only: int | None = None
) -> list[Call]:
    """Lease and return the first due delivery of each webhook, with optional exclusions."""

    def work(connection: Connection) -> list[Call]:
        now = core.clock.sql(connection)
        # only the first that waits may be due: later ones must not overtake it
        waits = select(func.min(_o.id).label("id")).where(
            _o.state == "waiting", _o.webhook_id.not_in(sorted(without))
        )
        if only is not None:
            waits = waits.where(_o.webhook_id == only)
        first = waits.group_by(_o.webhook_id).subquery()
        picked = (
            select(_o.id)
            .where(_o.id.in_(select(first.c.id)), _o.not_before <= now, _o.state == "waiting")
            .order_by(_o.not_before)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("picked")
        )
        taken = (
            update(t.webhook_outbox)
            .where(_o.id.in_(select(picked.c.id)), _o.state == "waiting")
            .values(attempts=_o.attempts + 1, not_before=now + _LEASE_SECONDS)
            .returning(_o.id)
        )
        numbers = list(connection.execute(taken).scalars())
        rows = connection.execute(
            select(t.webhook_outbox, _w.url, _w.secret)
            .join(t.webhook, _w.id == _o.webhook_id)
            .where(_o.id.in_(numbers))
            .order_by(_o.id)
        )
        return [
            Call(row.id, row.webhook_id, row.attempts, row.url, row.secret, row.body)
            for row in rows
        ]

    return core.database.write(work)


def make_call(core: Core, call: Call, *, send: Callable[..., None] = post) -> bool:
    """Send a delivery and record its outcome; return whether it succeeded."""
    body = call.body.encode()
    stamp = int(core.clock.seconds())
    identifier = f"call_{call.id}"
    headers = {
        "content-type": "application/json",
        "user-agent": "common-ml-webhooks",
        "webhook-id": identifier,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(
            call.secret, identifier=identifier, timestamp=stamp, body=body
        ),
    }
    error = None
    try:
        send(
            call.url,
            body,
            headers,
            allow_private=core.settings.allow_private_webhooks,
            timeout_seconds=TIMEOUT_SECONDS,
        )
    except ServiceError as failure:
        error = str(failure)[:500]
    core.database.write(lambda connection: _note(core, connection, call, error))
    return error is None


def pause_seconds(attempt: int) -> float:
    """Return the pause after a failed attempt, counted from 1: 5 s, 15 s, 45 s, ... 6 h."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 3.0 ** (attempt - 1))


def _note(core: Core, connection: Connection, call: Call, error: str | None) -> None:
    row = update(t.webhook_outbox).where(_o.id == call.id, _o.attempts == call.attempt)
    hook = update(t.webhook).where(_w.id == call.webhook_id)
    if error is None:
        connection.execute(row.values(state="delivered", error=null()))
        connection.execute(hook.values(failures=0))
        return
    is_last = call.attempt >= MAX_ATTEMPTS
    later = core.clock.sql(connection) + pause_seconds(call.attempt)
    state = "failed" if is_last else "waiting"
    connection.execute(row.values(state=state, error=error, not_before=later))
    connection.execute(hook.values(failures=_w.failures + 1))
