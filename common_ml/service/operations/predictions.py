"""Predictions: look up, list, cancel and retry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from common_ml.errors import ConflictError, NotFoundError
from common_ml.service.db import queue, requests
from common_ml.service.db import schema as t
from common_ml.service.operations import visibility
from common_ml.service.operations.naming import with_name
from common_ml.service.operations.submitting import (
    Choice,
    check,
    check_quota,
    request,
    submit,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Row

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor

__all__ = [
    "Choice",
    "Prediction",
    "cancel",
    "check",
    "counts",
    "find",
    "get",
    "get_many",
    "of_files",
    "retry",
    "submit",
]
_p = t.prediction.c
_CHUNK = 500
_OWN_REQUEST = t.request.alias("own_request")
_OPENED_PREDICTION = t.prediction.alias("opened_prediction")
_OPENED_REQUEST = t.request.alias("opened_request")


@dataclass(frozen=True)
class Prediction:
    """The state of a file with a model, as an actor sees it."""

    id: int
    file_id: int
    sha256: str
    md5: str
    kind: str
    name: str
    """The newest name of the file that the actor sees."""
    model: str
    revision: str
    params: dict[str, Any]
    params_sha: str
    state: str
    """queued, running, done, failed or cancelled."""
    stale: bool
    """Whether the model has a newer revision, or is no longer there."""
    priority: int
    attempts: int
    progress: float | None
    """0..1."""
    error: str | None
    num_tags: int | None
    part: int | None
    """Fence of the attempt whose results are valid; None without results."""
    created_at: float
    """Unix time of the actor's request, in seconds; other times are never before it."""
    started_at: float | None
    finished_at: float | None
    seconds: float | None
    """Duration of the last attempt."""

    @property
    def has_results(self) -> bool:
        """Whether tags can be read, including earlier ones while it is redone."""
        return self.part is not None

    @property
    def is_pending(self) -> bool:
        """Whether it is queued or running."""
        return self.state in queue.ACTIVE


def get(core: Core, actor: Actor, number: int) -> Prediction:
    """Return a prediction.

    Raises:
        NotFoundError: there is none, or the actor may not see it.
    """
    found = get_many(core, actor, [number])
    if not found:
        raise NotFoundError(f"there is no prediction {number}")
    return found[0]


def get_many(core: Core, actor: Actor, numbers: Sequence[int]) -> list[Prediction]:
    """Return predictions in the order of their ids; what the actor may not see is left out."""

    def work(connection: Connection) -> list[Prediction]:
        found: dict[int, Prediction] = {}
        for start in range(0, len(numbers), _CHUNK):
            chunk = numbers[start : start + _CHUNK]
            rows = _select(actor).where(_p.id.in_(chunk), visibility.sees_prediction(actor))
            found |= {one.id: one for one in _loaded(connection, actor, rows)}
        return [found[number] for number in numbers if number in found]

    return core.database.read(work)


def of_files(core: Core, actor: Actor, file_ids: Sequence[int]) -> dict[int, list[Prediction]]:
    """Return the predictions of files, newest first, by `File.id`."""

    def work(connection: Connection) -> dict[int, list[Prediction]]:
        found: dict[int, list[Prediction]] = {number: [] for number in file_ids}
        for start in range(0, len(file_ids), _CHUNK):
            chunk = file_ids[start : start + _CHUNK]
            rows = _select(actor).where(_p.file_id.in_(chunk), visibility.sees_prediction(actor))
            for one in _loaded(connection, actor, rows.order_by(_p.id.desc())):
                found[one.file_id].append(one)
        return found

    return core.database.read(work)


def find(
    core: Core,
    actor: Actor,
    *,
    model: str | None = None,
    states: Iterable[str] | None = None,
    file_id: int | None = None,
    limit: int = 50,
    before: int | None = None,
) -> list[Prediction]:
    """Return predictions, newest first.

    Args:
        core: The service.
        actor: Who asks.
        model: Only of this model.
        states: Only in one of these states.
        file_id: Only of this file.
        limit: How many at most.
        before: The id of the last prediction of the page before.
    """
    wanted = _select(actor).order_by(_p.id.desc()).limit(limit)
    if model is not None:
        wanted = wanted.where(_p.model == model)
    if states is not None:
        wanted = wanted.where(visibility.seen_state(actor).in_(sorted(set(states))))
    if file_id is not None:
        wanted = wanted.where(_p.file_id == file_id)
    if before is not None:
        wanted = wanted.where(_p.id < before)

    def work(connection: Connection) -> list[Prediction]:
        found: dict[int, Prediction] = {}
        for part in _visible(actor, wanted):
            found |= {one.id: one for one in _loaded(connection, actor, part)}
        return sorted(found.values(), key=lambda one: -one.id)[:limit]

    return core.database.read(work)


def counts(
    core: Core, actor: Actor, *, model: str | None = None, numbers: Sequence[int] | None = None
) -> dict[str, int]:
    """Return how many visible predictions are in each state, of all or of some."""
    state = visibility.seen_state(actor).label("seen")
    wanted = select(state, func.count().label("n")).where(visibility.sees_prediction(actor))
    if not actor.sees_all:  # by the index of requests, not through all predictions
        mine = select(t.request.c.prediction_id).where(t.request.c.user_id == actor.user_id)
        opened = _opened_ids(actor)
        wanted = wanted.where(_p.id.in_(mine.union(opened)))
    if model is not None:
        wanted = wanted.where(_p.model == model)
    if numbers is not None:
        wanted = wanted.where(_p.id.in_(numbers))
    rows = core.database.read(lambda connection: connection.execute(wanted.group_by(state)).all())
    return {row.seen: row.n for row in rows}


def cancel(core: Core, actor: Actor, numbers: Sequence[int]) -> list[int]:
    """Cancel predictions; return those that were queued or running.

    A prediction that another user requested as well goes on for that user. An administrator
    cancels predictions of other users for everybody.

    Raises:
        NotFoundError: one that the actor may not see.
    """

    def work(connection: Connection) -> list[int]:
        _check_visible(connection, actor, numbers)
        r = t.request.c
        asked = select(r.prediction_id).where(
            r.prediction_id.in_(numbers), r.user_id == actor.user_id
        )
        mine = set(connection.execute(asked).scalars()) if numbers else set()
        changed = requests.cancel_requests(core, connection, sorted(mine), user_id=actor.user_id)
        others = [number for number in numbers if number not in mine]
        if actor.sees_all and others:
            changed += requests.cancel_requests(core, connection, others, user_id=None)
        return sorted(changed)

    return core.database.write(work)


def retry(core: Core, actor: Actor, numbers: Sequence[int], *, force: bool = False) -> list[int]:
    """Requeue predictions that failed or were cancelled, with `force` also completed ones.

    Raises:
        NotFoundError: one that the actor may not see.
        ConflictError: the model has a newer revision; request a new prediction.
    """
    states = ["failed", "cancelled", *(["done"] if force else [])]

    def work(connection: Connection) -> list[int]:
        _check_visible(connection, actor, numbers)
        _check_revisions(connection, numbers, states)
        running = _withdrawn(connection, actor, numbers)
        request(core, connection, actor, list(numbers))
        changed = requests.requeue(core, connection, numbers, user_id=actor.user_id, states=states)
        check_quota(core, connection, actor)
        return sorted({*changed, *running})

    return core.database.write(work) if numbers else []


def _withdrawn(connection: Connection, actor: Actor, numbers: Sequence[int]) -> list[int]:
    """Return predictions that the actor has cancelled and that go on for others."""
    r = t.request.c
    wanted = (
        select(_p.id)
        .join(t.request, r.prediction_id == _p.id)
        .where(
            _p.id.in_(numbers),
            _p.state.in_(queue.ACTIVE),
            r.user_id == actor.user_id,
            r.cancelled.is_(True),
        )
    )
    return list(connection.execute(wanted).scalars())


def _select(actor: Actor) -> Any:
    r = _OWN_REQUEST
    asked = select(r.c.created_at).where(r.c.prediction_id == _p.id, r.c.user_id == actor.user_id)
    asked = asked.correlate_except(r)
    return (
        select(
            t.prediction,
            t.file.c.sha256,
            t.file.c.md5,
            t.file.c.kind,
            t.model.c.revision.label("newest"),
            visibility.seen_state(actor).label("seen"),
            asked.scalar_subquery().label("asked_at"),
        )
        .join(t.file, t.file.c.id == _p.file_id)
        .join(t.model, t.model.c.name == _p.model, isouter=True)
    )


def _visible(actor: Actor, wanted: Any) -> list[Any]:
    """Statements that each follow an index: own predictions, and those opened to a role."""
    if actor.sees_all:
        return [wanted]
    r = t.request
    own = wanted.join(r, and_(r.c.prediction_id == _p.id, r.c.user_id == actor.user_id))
    return [own, wanted.where(_p.id.in_(_opened_ids(actor)))]


def _opened_ids(actor: Actor) -> Any:
    """A SELECT of predictions on files that were opened to a role of the actor."""
    prediction, request = _OPENED_PREDICTION, _OPENED_REQUEST
    return (
        select(prediction.c.id)
        .join(t.tag_role, t.tag_role.c.file_id == prediction.c.file_id)
        .join(
            request,
            and_(
                request.c.prediction_id == prediction.c.id,
                request.c.user_id == t.tag_role.c.user_id,
            ),
        )
        .where(t.tag_role.c.role.in_(sorted(actor.roles)))
    )


def _loaded(connection: Connection, actor: Actor, wanted: Any) -> list[Prediction]:
    rows = connection.execute(wanted).all()
    names = _names(connection, actor, sorted({row.file_id for row in rows}))
    return [_prediction(row, names) for row in rows]


def _names(connection: Connection, actor: Actor, file_ids: list[int]) -> dict[int, str]:
    n = t.file_name.c
    found: dict[int, str] = {}
    for start in range(0, len(file_ids), _CHUNK):
        wanted = (
            select(n.file_id, n.name)
            .where(n.file_id.in_(file_ids[start : start + _CHUNK]))
            .where(visibility.sees_of_user(actor, n.file_id, n.user_id))
            .order_by(n.id)
        )
        found |= {row.file_id: row.name for row in connection.execute(wanted)}
    return found


def _prediction(row: Row[Any], names: dict[int, str]) -> Prediction:
    since = row.created_at if row.asked_at is None else row.asked_at
    name = names.get(row.file_id, row.sha256)
    seconds = None
    if row.started_at is not None and row.finished_at is not None:
        seconds = max(0.0, row.finished_at - row.started_at)
    return Prediction(
        id=row.id,
        file_id=row.file_id,
        sha256=row.sha256,
        md5=row.md5,
        kind=row.kind,
        name=name,
        model=row.model,
        revision=row.revision,
        params=json.loads(row.params),
        params_sha=row.params_sha,
        state=row.seen,
        stale=row.revision != row.newest,
        priority=row.priority,
        attempts=row.attempts,
        progress=row.progress,
        # the worker knows only the hash of a file
        error=None if row.error is None else with_name(row.error, row.sha256, name),
        num_tags=row.num_tags,
        part=row.part,
        created_at=since,
        started_at=None if row.started_at is None else max(row.started_at, since),
        finished_at=None if row.finished_at is None else max(row.finished_at, since),
        seconds=seconds,
    )


def _check_visible(connection: Connection, actor: Actor, numbers: Sequence[int]) -> None:
    seen: set[int] = set()
    for start in range(0, len(numbers), _CHUNK):
        wanted = select(_p.id).where(
            _p.id.in_(numbers[start : start + _CHUNK]), visibility.sees_prediction(actor)
        )
        seen |= set(connection.execute(wanted).scalars())
    missing = [number for number in numbers if number not in seen]
    if missing:
        raise NotFoundError(f"there is no prediction {missing[0]}")


def _check_revisions(connection: Connection, numbers: Sequence[int], states: Sequence[str]) -> None:
    wanted = (
        select(_p.id, _p.model)
        .join(t.model, t.model.c.name == _p.model, isouter=True)
        .where(
            _p.id.in_(numbers),
            _p.state.in_(states),
            t.model.c.revision.is_distinct_from(_p.revision),
        )
    )
    row = connection.execute(wanted).first()
    if row is not None:
        raise ConflictError(
            f"{row.model} is no longer what prediction {row.id} was made with; "
            "hint: ask for a new prediction"
        )
