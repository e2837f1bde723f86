"""Work queue in the database: predictions in the state `queued`, leased to workers.

A claim increments the fencing token `fence` of a row and sets its lease; every later statement of
the worker names the fence, so that a worker which lost its lease changes nothing. Only `queued`
rows are claimed; only `requeue_lost` requeues rows whose lease has expired. The operations of users
are in `requests`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import and_, case, exists, false, literal, null, or_, select, update

from common_ml.service.db import schema as t
from common_ml.service.db.notices import note_states

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Connection

    from common_ml.service.core import Core

Outcome: TypeAlias = Literal["done", "failed", "cancelled"]
ACTIVE = ("queued", "running")
FREE: dict[str, Any] = {"owner": null(), "lease_until": null(), "cancel": false()}
"""Column values of a row without a lease."""
_p = t.prediction.c


@dataclass(frozen=True)
class Claim:
    """A prediction that a worker has leased."""

    id: int
    fence: int
    attempt: int
    """Counted from 1."""
    model: str
    revision: str
    params: str
    """A JSON object."""
    params_sha: str
    file_id: int
    sha256: str
    """Of the file."""
    kind: str
    """image, video, audio, text or unknown."""
    key: str
    """Of its content in the store."""
    suffix: str
    """Of its name, such as `.mp4`."""


def claim(
    core: Core,
    connection: Connection,
    *,
    owner: str,
    model: str,
    revision: str,
    limit: int,
    params_sha: str | None = None,
) -> list[Claim]:
    """Lease queued predictions of a model, at most `limit`; of some params, if they are given."""
    if limit < 1:
        return []
    now = core.clock.sql(connection)
    # In a CTE: as a subquery of UPDATE, PostgreSQL may run it again for a row that another worker
    # has just taken, and claim more rows than the limit, or the same twice.
    fits = [_p.state == "queued", _p.model == model, _p.revision == revision]
    if params_sha is not None:
        fits.append(_p.params_sha == params_sha)
    picked = (
        select(_p.id)
        .where(*fits, _p.not_before <= now)
        .order_by(_p.priority.desc(), _p.turn, _p.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    taken = (
        update(t.prediction)
        .where(_p.id.in_(select(picked.c.id)), _p.state == "queued")
        .values(
            state="running",
            fence=_p.fence + 1,
            attempts=_p.attempts + 1,
            owner=owner,
            lease_until=now + core.limits.lease_seconds,
            started_at=now,
            finished_at=null(),
            progress=null(),
            error=null(),
            cancel=false(),
        )
        .returning(_p.id)
    )
    numbers = list(connection.execute(taken).scalars())
    if not numbers:
        return []
    note_states(core, connection, numbers)
    rows = connection.execute(
        select(t.prediction, t.file.c.sha256, t.file.c.kind, t.file.c.key, t.file.c.suffix)
        .join(t.file, t.file.c.id == _p.file_id)
        .where(_p.id.in_(numbers))
        .order_by(_p.priority.desc(), _p.turn, _p.id)
    )
    return [
        Claim(
            id=row.id,
            fence=row.fence,
            attempt=row.attempts,
            model=row.model,
            revision=row.revision,
            params=row.params,
            params_sha=row.params_sha,
            file_id=row.file_id,
            sha256=row.sha256,
            kind=row.kind,
            key=row.key,
            suffix=row.suffix,
        )
        for row in rows
    ]


def is_waiting(core: Core, connection: Connection, *, model: str, revision: str) -> bool:
    """Whether a claim may find anything; a read, which takes no locks."""
    wanted = select(literal(1)).where(
        _p.state == "queued",
        _p.model == model,
        _p.revision == revision,
        _p.not_before <= core.clock.sql(connection),
    )
    return connection.execute(wanted.limit(1)).first() is not None


def renew(core: Core, connection: Connection, claims: Iterable[tuple[int, int]]) -> set[int]:
    """Extend leases.

    Args:
        core: The service.
        connection: Of a transaction.
        claims: Id and fence of each.

    Returns:
        The ids that are still leased; the worker must abandon the others.
    """
    until = core.clock.sql(connection) + core.limits.lease_seconds
    kept = set()
    for number, fence in sorted(claims):  # in one order, to avoid deadlocks between workers
        renewed = update(t.prediction).where(_held(number, fence)).values(lease_until=until)
        if connection.execute(renewed).rowcount:
            kept.add(number)
    return kept


def note_progress(
    core: Core, connection: Connection, number: int, *, fence: int, progress: float
) -> bool:
    """Record the progress of a file, 0..1; return whether the lease is still held."""
    noted = update(t.prediction).where(_held(number, fence)).values(progress=progress)
    if not connection.execute(noted).rowcount:
        return False
    note_states(core, connection, [number], kind="prediction.progress")
    return True


def cancelled_of(connection: Connection, owner: str) -> list[tuple[int, int]]:
    """Return id and fence of a worker's running predictions that were cancelled."""
    wanted = select(_p.id, _p.fence).where(
        _p.state == "running", _p.owner == owner, _p.cancel.is_(True)
    )
    return [(row.id, row.fence) for row in connection.execute(wanted)]


def finish(
    core: Core,
    connection: Connection,
    number: int,
    *,
    fence: int,
    outcome: Outcome,
    error: str | None = None,
    num_tags: int | None = None,
) -> bool:
    """Record the outcome of a running prediction; return False if the lease was lost.

    Idempotent: a worker repeats it where it does not know whether its transaction was committed.
    """
    now = core.clock.sql(connection)
    values: dict[str, Any] = {"state": outcome, "error": error, "finished_at": now}
    if outcome == "done":
        values |= {"part": fence, "progress": 1.0, "num_tags": num_tags}
    if outcome == "cancelled":  # unless it was requested again meanwhile
        wanted = _is_wanted()
        values["state"] = case((wanted, "queued"), else_="cancelled")
        values["finished_at"] = case((wanted, null()), else_=now)
        values["attempts"] = case((wanted, _p.attempts - 1), else_=_p.attempts)
    done = update(t.prediction).where(_held(number, fence)).values(**values, **FREE)
    if connection.execute(done).rowcount:
        note_states(core, connection, [number])
        return True
    states = ["cancelled", "queued"] if outcome == "cancelled" else [outcome]
    again = select(_p.id).where(_p.id == number, _p.fence == fence, _p.state.in_(states))
    return connection.execute(again).first() is not None


def release(
    core: Core,
    connection: Connection,
    number: int,
    *,
    fence: int,
    error: str | None = None,
) -> bool:
    """Release a running prediction.

    Without an error, as when a worker is stopped, the attempt does not count. With one it is
    retried with exponential back-off, and fails after the last attempt.
    """
    if error is None:
        back = (
            update(t.prediction)
            .where(_held(number, fence))
            .values(
                state=case((_p.cancel.is_(True), "cancelled"), else_="queued"),
                attempts=_p.attempts - 1,
                started_at=null(),
                finished_at=case((_p.cancel.is_(True), core.clock.sql(connection)), else_=null()),
                progress=null(),
                **FREE,
            )
        )
    else:
        back = _given_up(core, connection, error).where(_held(number, fence))
    changed = bool(connection.execute(back).rowcount)
    if changed:
        note_states(core, connection, [number])
    return changed


def release_others(
    core: Core, connection: Connection, *, owner: str, known: Collection[int]
) -> int:
    """Release leases that a worker does not know of: claims whose commit was never confirmed."""
    held = select(_p.id, _p.fence).where(_p.state == "running", _p.owner == owner)
    unknown = [row for row in connection.execute(held) if row.id not in known]
    for row in unknown:
        release(core, connection, row.id, fence=row.fence)
    return len(unknown)


def requeue_lost(core: Core, connection: Connection) -> list[int]:
    """Requeue predictions whose lease has expired; fail those in their last attempt."""
    now = core.clock.sql(connection)
    over = (
        select(_p.id)
        .where(_p.state == "running", _p.lease_until < now)
        .with_for_update(skip_locked=True)
        .cte("over")
    )
    back = _given_up(core, connection, "the worker was lost").where(
        _p.id.in_(select(over.c.id)), _p.state == "running", _p.lease_until < now
    )
    numbers = list(connection.execute(back.returning(_p.id)).scalars())
    note_states(core, connection, numbers)
    return numbers


def _is_wanted() -> Any:
    r = t.request.c
    return exists(select(literal(1)).where(r.prediction_id == _p.id, r.cancelled.is_(False)))


def _held(number: int, fence: int) -> Any:
    return and_(_p.id == number, _p.fence == fence, _p.state == "running")


def _given_up(core: Core, connection: Connection, error: str) -> Any:
    """Return an UPDATE of predictions whose attempt was abandoned."""
    now = core.clock.sql(connection)
    limits = core.limits
    is_last = _p.attempts >= limits.max_attempts
    waits = {
        attempt: limits.retry_seconds * 2 ** (attempt - 1)
        for attempt in range(1, limits.max_attempts)
    }
    pause = case(*[(_p.attempts == n, seconds) for n, seconds in waits.items()], else_=0.0)
    state = case((_p.cancel.is_(True), "cancelled"), (is_last, "failed"), else_="queued")
    is_over = or_(_p.cancel.is_(True), is_last)
    return update(t.prediction).values(
        state=state,
        not_before=now + pause,
        error=error,
        finished_at=case((is_over, now), else_=null()),
        started_at=case((is_over, _p.started_at), else_=null()),
        progress=null(),
        **FREE,
    )
