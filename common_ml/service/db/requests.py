"""User requests on the queue: requeue, cancel, fair ordering, and model upgrades.

Fairness (start-time fair queueing): each row has a `turn`, its virtual start time. A user's next
prediction gets the turn after the user's last one, but not before the oldest turn that waits or
runs. So the predictions of a second user are interleaved with those of the first, however many
that one has submitted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, literal, null, select, update

from common_ml.service.db import schema as t
from common_ml.service.db.notices import note_states
from common_ml.service.db.queue import ACTIVE, FREE
from common_ml.service.db.statements import insert_or

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from common_ml.service.core import Core

_p = t.prediction.c
_CHUNK = 500


def requeue(
    core: Core,
    connection: Connection,
    numbers: Sequence[int],
    *,
    user_id: int,
    states: Collection[str],
    priority: int = 0,
) -> list[int]:
    """Requeue finished predictions with a new set of attempts; return those that were in `states`.

    Earlier results can be read until there are new ones.
    """
    rows: list[Any] = []
    for start in range(0, len(numbers), _CHUNK):
        finished = select(_p.id, _p.model).where(
            _p.id.in_(numbers[start : start + _CHUNK]), _p.state.in_(sorted(states))
        )
        rows += connection.execute(finished.order_by(_p.id).with_for_update()).all()
    turns = {
        model: next_turn(connection, user_id=user_id, model=model)
        for model in {row.model for row in rows}
    }
    for row in rows:
        again = update(t.prediction).where(_p.id == row.id)
        connection.execute(
            again.values(
                state="queued",
                user_id=user_id,
                priority=priority,
                turn=turns[row.model],
                queued_at=core.clock.sql(connection),
                attempts=0,
                not_before=0.0,
                progress=null(),
                error=null(),
                started_at=null(),
                finished_at=null(),
                **FREE,
            )
        )
        turns[row.model] += 1
    changed = [row.id for row in rows]
    note_states(core, connection, changed)
    return changed


def cancel_requests(
    core: Core, connection: Connection, numbers: Sequence[int], *, user_id: int | None
) -> list[int]:
    """Cancel a user's requests, or everybody's; return the predictions that they were for.

    A prediction that another user still requests goes on. Otherwise a queued one is cancelled at
    once, and a running one when its worker polls for cancellations.
    """
    changed: list[int] = []
    r = t.request.c
    for start in range(0, len(numbers), _CHUNK):
        chunk = sorted(numbers)[start : start + _CHUNK]
        # before requests, so that two that withdraw at once see each other
        active = select(_p.id).where(_p.id.in_(chunk), _p.state.in_(ACTIVE)).order_by(_p.id)
        rows = list(connection.execute(active.with_for_update()).scalars())
        withdrawn = update(t.request).where(r.prediction_id.in_(rows), r.cancelled.is_(False))
        if user_id is not None:
            withdrawn = withdrawn.where(r.user_id == user_id)
        done = connection.execute(withdrawn.values(cancelled=True).returning(r.prediction_id))
        mine = sorted(set(done.scalars()))
        wanted = exists(select(literal(1)).where(r.prediction_id == _p.id, r.cancelled.is_(False)))
        _transfer_share(connection, mine, wanted)
        unwanted = and_(_p.id.in_(mine), ~wanted)
        now = core.clock.sql(connection)
        connection.execute(
            update(t.prediction)
            .where(unwanted, _p.state == "queued")
            .values(state="cancelled", finished_at=now, **FREE)
        )
        connection.execute(
            update(t.prediction).where(unwanted, _p.state == "running").values(cancel=True)
        )
        changed += mine
    note_states(core, connection, changed, withdrawn_by=user_id)
    return changed


def next_turn(connection: Connection, *, user_id: int, model: str) -> int:
    """Return the turn of a user's next prediction; see the module's docstring."""
    waits = and_(_p.model == model, _p.state.in_(ACTIVE))
    oldest = select(func.min(_p.turn)).where(waits).scalar_subquery()
    last = select(func.max(_p.turn)).where(waits, _p.user_id == user_id).scalar_subquery()
    row = connection.execute(select(oldest, last)).one()
    return max(row[0] or 0, (row[1] or 0) + 1 if row[1] is not None else row[0] or 0)


def adopt_revision(core: Core, connection: Connection, *, model: str, revision: str) -> int:
    """Move queued predictions of older revisions to this one; return how many.

    An existing result of the new revision replaces a queued prediction.
    """
    old = select(_p.id, _p.file_id, _p.params_sha).where(
        _p.model == model, _p.revision != revision, _p.state == "queued"
    )
    moved = 0
    for row in connection.execute(old.order_by(_p.id).with_for_update()).all():
        there = select(_p.id).where(
            _p.file_id == row.file_id,
            _p.model == model,
            _p.revision == revision,
            _p.params_sha == row.params_sha,
        )
        twin = connection.execute(there).scalar_one_or_none()
        if twin is None:
            connection.execute(
                update(t.prediction).where(_p.id == row.id).values(revision=revision)
            )
            moved += 1
        else:
            _merge_requests(core, connection, old=row.id, new=twin)
    return moved


def _transfer_share(connection: Connection, numbers: list[int], wanted: Any) -> None:
    """Charge queued predictions to the share of a user who still requests them."""
    r = t.request.c
    heir = (
        select(func.min(r.user_id))
        .where(r.prediction_id == _p.id, r.cancelled.is_(False))
        .scalar_subquery()
    )
    asks = exists(
        select(literal(1)).where(
            r.prediction_id == _p.id, r.user_id == _p.user_id, r.cancelled.is_(False)
        )
    )
    connection.execute(
        update(t.prediction).where(_p.id.in_(numbers), wanted, ~asks).values(user_id=heir)
    )


def _merge_requests(core: Core, connection: Connection, *, old: int, new: int) -> None:
    """Move the requests for one prediction to another one."""
    r = t.request.c
    rows = connection.execute(select(t.request).where(r.prediction_id == old)).all()
    for row in rows:
        if row.cancelled:
            continue
        values = {"prediction_id": new, "user_id": row.user_id, "created_at": row.created_at}
        added = insert_or(connection, t.request).values(**values)
        connection.execute(
            added.on_conflict_do_update(
                index_elements=["prediction_id", "user_id"], set_={"cancelled": False}
            )
        )
    connection.execute(
        update(t.prediction)
        .where(_p.id == old)
        .values(
            state="cancelled",
            error="replaced by a newer revision of the model",
            finished_at=core.clock.sql(connection),
            **FREE,
        )
    )
    note_states(core, connection, [old])
