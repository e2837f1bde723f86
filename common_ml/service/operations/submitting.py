"""Submit predictions: validate the whole request, then queue it in one transaction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from common_ml.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    QuotaError,
)
from common_ml.parts.keys import params_digest
from common_ml.service.db import queue, requests
from common_ml.service.db import schema as t
from common_ml.service.db.notices import note_states
from common_ml.service.db.statements import insert_ignoring, insert_or
from common_ml.service.models.params import canonical, canonical_text, problems_of
from common_ml.service.operations import models as models_of
from common_ml.service.operations.files import visible_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor
    from common_ml.service.operations.models import Model

_p = t.prediction.c
_CHUNK = 500
MAX_PRIORITY = 100


@dataclass(frozen=True)
class Choice:
    """A requested model, with its params."""

    model: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Wanted:
    """A choice, resolved to the model's current revision and canonical params."""

    model: str
    revision: str
    params: str
    params_sha: str


def check(core: Core, kinds: Iterable[tuple[str, str]], choices: Sequence[Choice]) -> list[str]:
    """Return all problems of files and models, before anything is stored.

    Args:
        core: The service.
        kinds: Name and kind of each file.
        choices: The models.
    """
    names = [choice.model for choice in choices]
    models = core.database.read(
        lambda connection: models_of.load(core, connection, names, counted=False)
    )
    return _problems(models, list(kinds), choices)


def submit(
    core: Core,
    actor: Actor,
    *,
    files: Sequence[str],
    choices: Sequence[Choice],
    priority: int = 0,
    force: bool = False,
    idempotency_key: str | None = None,
) -> list[int]:
    """Submit every file with every model; return ids in the order of files, then choices.

    Predictions of the same content, revision and params are shared between users: what is queued,
    running or done is reused; what failed or was cancelled is requeued.

    Args:
        core: The service.
        actor: Who asks.
        files: Their SHA-256 or MD5.
        choices: Models and params.
        priority: Higher ones are begun first; above 0 for administrators.
        force: Whether to do again what is done; its results can be read until there are new ones.
        idempotency_key: The same key once more returns the same ids.

    Raises:
        NotFoundError: files that the actor does not see.
        InvalidRequestError: everything else that is wrong.
        ForbiddenError: a priority above 0.
        QuotaError: the actor would have too many queued.
        ConflictError: the key was used for another request.
    """
    if priority > 0 and not actor.sees_all:
        raise ForbiddenError("only administrators may give a priority above 0")
    if abs(priority) > MAX_PRIORITY:
        raise InvalidRequestError(f"priority must be -100..100, got {priority}")
    if not choices:
        raise InvalidRequestError("no model chosen")
    if not files:
        raise InvalidRequestError("no file given")

    def work(connection: Connection) -> list[int]:
        body_sha = _body_sha(files, choices, priority=priority, force=force)
        if idempotency_key is not None:
            earlier = _earlier(connection, actor, idempotency_key, body_sha)
            if earlier is not None:
                return earlier
        numbers, wanted = _checked(core, connection, actor, files, choices)
        ids = _queue(core, connection, actor, numbers, wanted, priority=priority, force=force)
        check_quota(core, connection, actor)
        if idempotency_key is not None:
            connection.execute(
                insert(t.idempotency).values(
                    user_id=actor.user_id,
                    key=idempotency_key,
                    body_sha=body_sha,
                    predictions=json.dumps(ids),
                    created_at=core.clock.sql(connection),
                )
            )
        return ids

    return core.database.write(work)


def _checked(
    core: Core,
    connection: Connection,
    actor: Actor,
    files: Sequence[str],
    choices: Sequence[Choice],
) -> tuple[list[int], list[_Wanted]]:
    """Return the numbers of files, and what is wanted of each."""
    found = visible_ids(connection, actor, list(dict.fromkeys(files)))
    missing = [digest for digest in files if digest not in found]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        shown = ", ".join(digest[:80] for digest in missing[:5])
        raise NotFoundError(f"there is no file {shown}{more}")
    names = [choice.model for choice in choices]
    models = models_of.load(core, connection, names, counted=False)
    kinds = _kinds(connection, sorted(set(found.values())))
    known = {number: digest for digest, number in found.items()}
    problems = _problems(models, [(known[number], kind) for number, kind in kinds.items()], choices)
    if problems:
        raise InvalidRequestError(problems)
    wanted = []
    for choice in choices:
        model = models[choice.model]
        params = canonical({**model.params, **choice.params})
        sha = params_digest(params) if params else ""
        wanted.append(_Wanted(model.name, model.revision, canonical_text(params), sha))
    return [found[digest] for digest in files], wanted


def _problems(
    models: Mapping[str, Model], kinds: Sequence[tuple[str, str]], choices: Sequence[Choice]
) -> list[str]:
    problems = []
    for choice in choices:
        model = models.get(choice.model)
        if model is None:
            problems.append(f"there is no model {choice.model[:200]!r}")
            continue
        others = [f"{name} is {kind}" for name, kind in kinds if not model.takes(kind)]
        if others:
            more = f" and {len(others) - 5} more" if len(others) > 5 else ""
            types = " or ".join(model.types)
            problems.append(f"{model.name} takes {types}: {', '.join(others[:5])}{more}")
        problems += [
            f"params of {model.name}: {problem}"
            for problem in problems_of(choice.params, model.params_schema)
        ]
    return problems


def _queue(
    core: Core,
    connection: Connection,
    actor: Actor,
    numbers: Sequence[int],
    wanted: Sequence[_Wanted],
    *,
    priority: int,
    force: bool,
) -> list[int]:
    now = core.clock.sql(connection)
    files = sorted(set(numbers))
    ids: dict[tuple[int, _Wanted], int] = {}
    fresh: list[int] = []
    for one in dict.fromkeys(wanted):
        before = _existing(connection, files, one)
        new = [number for number in files if number not in before]
        turn = requests.next_turn(connection, user_id=actor.user_id, model=one.model)
        rows = [
            {
                "file_id": number,
                "model": one.model,
                "revision": one.revision,
                "params_sha": one.params_sha,
                "params": one.params,
                "user_id": actor.user_id,
                "priority": priority,
                "turn": turn + place,
                "state": "queued",
            }
            for place, number in enumerate(new)
        ]
        if rows:
            added = insert_ignoring(connection, t.prediction).values(created_at=now, queued_at=now)
            connection.execute(added, rows)
        there = _existing(connection, files, one)
        fresh += [there[number] for number in new]
        ids |= {(number, one): prediction for number, prediction in there.items()}
    request(core, connection, actor, list(ids.values()))
    states = ["failed", "cancelled", *(["done"] if force else [])]
    old = [number for number in ids.values() if number not in set(fresh)]
    requests.requeue(core, connection, old, user_id=actor.user_id, states=states, priority=priority)
    note_states(core, connection, fresh)
    return [ids[number, one] for number in numbers for one in wanted]


def _existing(connection: Connection, files: list[int], wanted: _Wanted) -> dict[int, int]:
    found: dict[int, int] = {}
    for start in range(0, len(files), _CHUNK):
        rows = connection.execute(
            select(_p.file_id, _p.id).where(
                _p.file_id.in_(files[start : start + _CHUNK]),
                _p.model == wanted.model,
                _p.revision == wanted.revision,
                _p.params_sha == wanted.params_sha,
            )
        )
        found |= {row.file_id: row.id for row in rows}
    return found


def request(core: Core, connection: Connection, actor: Actor, numbers: list[int]) -> None:
    """Record the actor's requests for predictions; renew those cancelled before."""
    new = insert_or(connection, t.request).values(
        user_id=actor.user_id, created_at=core.clock.sql(connection), cancelled=False
    )
    asked = new.on_conflict_do_update(
        index_elements=["prediction_id", "user_id"], set_={"cancelled": False}
    )
    rows = [{"prediction_id": number} for number in sorted(set(numbers))]
    connection.execute(asked, rows)
    for start in range(0, len(rows), _CHUNK):  # revoke the cancellation of a running one
        chunk = [row["prediction_id"] for row in rows[start : start + _CHUNK]]
        going_on = update(t.prediction).where(_p.id.in_(chunk), _p.cancel.is_(True))
        connection.execute(going_on.values(cancel=False))


def check_quota(core: Core, connection: Connection, actor: Actor) -> None:
    """Raise QuotaError where a user has too many queued or running predictions."""
    mine = (_p.user_id == actor.user_id, _p.state.in_(queue.ACTIVE))
    num = connection.execute(select(func.count()).select_from(t.prediction).where(*mine))
    number, limit = num.scalar_one(), core.limits.max_queued_per_user
    if number > limit:
        raise QuotaError(
            f"you would have {number:,} predictions queued, the limit is {limit:,}; "
            "hint: wait until some are done, or cancel them"
        )


def _kinds(connection: Connection, numbers: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for start in range(0, len(numbers), _CHUNK):
        rows = connection.execute(
            select(t.file.c.id, t.file.c.kind).where(
                t.file.c.id.in_(numbers[start : start + _CHUNK])
            )
        )
        found |= {row.id: row.kind for row in rows}
    return found


def _earlier(connection: Connection, actor: Actor, key: str, body_sha: str) -> list[int] | None:
    i = t.idempotency.c
    wanted = select(t.idempotency).where(i.user_id == actor.user_id, i.key == key)
    row = connection.execute(wanted).first()
    if row is None:
        return None
    if row.body_sha != body_sha:
        raise ConflictError(f"the key {key[:80]!r} was used for another request")
    return list(json.loads(row.predictions))


def _body_sha(
    files: Sequence[str], choices: Sequence[Choice], *, priority: int, force: bool
) -> str:
    chosen = [[choice.model, canonical(choice.params)] for choice in choices]
    text = json.dumps([list(files), chosen, priority, force], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
