"""Registry of the models that a service offers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update

from common_ml.errors import NotFoundError
from common_ml.service.db import schema as t
from common_ml.service.db.queue import ACTIVE
from common_ml.service.db.requests import adopt_revision
from common_ml.service.db.statements import insert_or

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from common_ml.service.core import Core
    from common_ml.service.models.model import ModelSpec

_m = t.model.c


@dataclass(frozen=True)
class Model:
    """A model, and its queue."""

    name: str
    target: str
    """How it is started; shown to administrators only."""
    revision: str
    types: tuple[str, ...]
    tags: tuple[str, ...]
    fields: dict[str, Any]
    params: dict[str, Any]
    """Default params, overridden by those of a request."""
    params_schema: dict[str, Any]
    description: str
    slots: int
    gpu: str
    seen_at: float
    """Unix time of the last heartbeat of a worker that runs it, in seconds."""
    available: bool
    """Whether a worker that runs it is alive."""
    queued: int = 0
    running: int = 0

    def takes(self, kind: str) -> bool:
        """Whether it accepts files of a kind; audio models also tag the sound of videos."""
        return kind in self.types or (kind == "video" and "audio" in self.types)


def register(core: Core, specs: Iterable[ModelSpec]) -> None:
    """Register models; queued predictions of older revisions move to a new one."""

    def work(connection: Connection) -> None:
        for spec in sorted(specs, key=lambda spec: spec.name):
            values = _values(spec) | {"seen_at": core.clock.sql(connection)}
            new = insert_or(connection, t.model).values(**values)
            connection.execute(
                new.on_conflict_do_update(
                    index_elements=["name"], set_={key: new.excluded[key] for key in values}
                )
            )
            adopt_revision(core, connection, model=spec.name, revision=spec.revision)

    specs = list(specs)
    core.database.write(work)


def remove(core: Core, name: str) -> None:
    """Unregister a model; its results stay.

    Raises:
        NotFoundError: there is none of this name.
    """
    gone = delete(t.model).where(_m.name == name)
    if not core.database.write(lambda connection: connection.execute(gone).rowcount):
        raise NotFoundError(f"there is no model {name[:200]!r}")


def find_all(
    core: Core, *, kind: str | None = None, tag: str | None = None, text: str = ""
) -> list[Model]:
    """Return models, by name.

    Args:
        core: The service.
        kind: Only those that take this kind of file.
        tag: Only those with this tag.
        text: Only those whose name, description or tags contain it.
    """
    models = core.database.read(lambda connection: list(load(core, connection).values()))
    needle = text.casefold()
    return [
        model
        for model in models
        if (kind is None or kind in model.types)
        and (tag is None or tag in model.tags)
        and (
            not needle
            or needle in " ".join([model.name, model.description, *model.tags]).casefold()
        )
    ]


def get(core: Core, name: str) -> Model:
    """Return a model.

    Raises:
        NotFoundError: there is none of this name.
    """
    found = core.database.read(lambda connection: load(core, connection, [name])).get(name)
    if found is None:
        raise NotFoundError(f"there is no model {name[:200]!r}")
    return found


def touch(core: Core, connection: Connection, names: Iterable[str]) -> None:
    """Record a heartbeat of a worker that runs these models."""
    seen = update(t.model).where(_m.name.in_(sorted(names)))
    connection.execute(seen.values(seen_at=core.clock.sql(connection)))


def load(
    core: Core,
    connection: Connection,
    names: Iterable[str] | None = None,
    *,
    counted: bool = True,
) -> dict[str, Model]:
    """Return models by their names, within a transaction."""
    alive = core.clock.sql(connection) - core.limits.worker_seconds
    wanted = select(t.model, (_m.seen_at >= alive).label("available")).order_by(_m.name)
    if names is not None:
        wanted = wanted.where(_m.name.in_(sorted(set(names))))
    counts = _counts(connection) if counted else {}
    return {
        row.name: _model(
            row,
            queued=counts.get((row.name, "queued"), 0),
            running=counts.get((row.name, "running"), 0),
        )
        for row in connection.execute(wanted)
    }


def _counts(connection: Connection) -> dict[tuple[str, str], int]:
    p = t.prediction.c
    wanted = select(p.model, p.state, func.count().label("n")).where(p.state.in_(ACTIVE))
    rows = connection.execute(wanted.group_by(p.model, p.state))
    return {(row.model, row.state): row.n for row in rows}


def _values(spec: ModelSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "target": spec.target,
        "revision": spec.revision,
        "types": json.dumps(list(spec.types)),
        "tags": json.dumps(list(spec.tags)),
        "fields": json.dumps(spec.fields),
        "params": json.dumps(spec.params),
        "params_schema": json.dumps(spec.params_schema),
        "description": spec.description,
        "slots": spec.slots,
        "gpu": spec.gpu,
    }


def _model(row: Row[Any], *, queued: int, running: int) -> Model:
    return Model(
        name=row.name,
        target=row.target,
        revision=row.revision,
        types=tuple(json.loads(row.types)),
        tags=tuple(json.loads(row.tags)),
        fields=json.loads(row.fields),
        params=json.loads(row.params),
        params_schema=json.loads(row.params_schema),
        description=row.description,
        slots=row.slots,
        gpu=row.gpu,
        seen_at=row.seen_at,
        available=bool(row.available),
        queued=queued,
        running=running,
    )
