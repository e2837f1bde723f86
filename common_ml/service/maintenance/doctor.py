"""Consistency and health checks: missing data, stalled work, unreachable dependencies."""

from __future__ import annotations

import errno
import hashlib
import shutil
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from common_ml.errors import MessageError, PredictionServiceError, StoreError
from common_ml.service.db import schema as t
from common_ml.service.db.migrating import current_revision, head_revision
from common_ml.service.maintenance.backup import winning_parts
from common_ml.service.operations import models, stats, users, workers
from common_ml.tagging.messages import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from common_ml.parts import PartKey
    from common_ml.service.core import Core

_MIN_FREE_BYTES = 1 << 30
_MAX_SHOWN = 5
_p = t.prediction.c


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    level: Literal["ok", "warning", "error"]
    text: str
    """The observation, and a hint where action is needed."""


def examine(core: Core, *, deep: bool = False) -> list[Finding]:
    """Run all checks; return their findings in order.

    Args:
        core: The service.
        deep: Whether to read every content and every tags file, which takes a while.
    """
    checks: list[tuple[str, Callable[[Core], Iterator[Finding]]]] = [
        ("database", _database),
        ("store", _store),
        ("disk", _disk),
        ("users", _users),
        ("workers", _workers),
        ("queue", _queue),
        ("webhooks", _webhooks),
    ]
    if deep:
        checks += [("contents", _contents), ("tags", _tags)]
    found: list[Finding] = []
    for name, check in checks:
        try:
            found += check(core)
        except PredictionServiceError as error:
            found.append(Finding(name, "error", str(error)))
        except SQLAlchemyError as error:  # a table is missing, or is another one
            found.append(Finding(name, "error", str(error).partition("\n")[0]))
    return found


def _database(core: Core) -> Iterator[Finding]:
    current = core.database.read(current_revision)
    if current != head_revision():
        yield Finding("database", "error", f"tables of version {current}, need {head_revision()}")
    elif core.database.is_postgresql:
        version = core.database.read(
            lambda connection: connection.execute(text("SHOW server_version")).scalar_one()
        )
        yield Finding("database", "ok", f"PostgreSQL {version}")
    else:
        result = core.database.read(
            lambda connection: connection.execute(text("PRAGMA quick_check")).scalar_one()
        )
        level: Literal["ok", "error"] = "ok" if result == "ok" else "error"
        yield Finding("database", level, f"SQLite {sqlite3.sqlite_version}, quick check: {result}")


def _store(core: Core) -> Iterator[Finding]:
    core.contents.check()
    yield Finding("store", "ok", f"{core.settings.store_address} can be written")


def _disk(core: Core) -> Iterator[Finding]:
    free = shutil.disk_usage(core.settings.data).free
    if free < _MIN_FREE_BYTES:
        yield Finding(
            "disk", "warning", f"{free / 2**20:,.0f} MiB free; hint: make room, or run gc"
        )
    else:
        yield Finding("disk", "ok", f"{free / 2**30:,.1f} GiB free")


def _users(core: Core) -> Iterator[Finding]:
    active = [user for user in users.find_all(core) if not user.disabled]
    if not any("admin" in user.roles for user in active):
        yield Finding("users", "warning", "no administrator; hint: start the server, see its link")
    else:
        yield Finding("users", "ok", f"{len(active)} active")


def _workers(core: Core) -> Iterator[Finding]:
    alive = [worker for worker in workers.find_all(core) if worker.alive]
    if not alive:
        yield Finding("workers", "warning", "none alive; hint: common-ml serve or common-ml worker")
    else:
        yield Finding("workers", "ok", f"{len(alive)} alive")
    for model in models.find_all(core):
        if model.queued and not model.available:
            yield Finding(
                "workers",
                "warning",
                f"{model.queued:,} wait for {model.name}, which no worker runs",
            )


def _queue(core: Core) -> Iterator[Finding]:
    now = stats.overview(core)
    queued = sum(n for (_, state), n in now.predictions.items() if state == "queued")
    waits = f", the first for {now.oldest_queued_seconds:,.0f} s" if queued else ""
    yield Finding("queue", "ok", f"{queued:,} queued{waits}")

    def overdue(connection: Connection) -> int:
        late = select(func.count(_p.id)).where(
            _p.state == "running",
            _p.lease_until < core.clock.sql(connection) - core.limits.lease_seconds,
        )
        return int(connection.execute(late).scalar_one())

    number = core.database.read(overdue)
    if number:
        yield Finding(
            "queue", "warning", f"{number:,} leases are long over; hint: a worker queues them again"
        )


def _webhooks(core: Core) -> Iterator[Finding]:
    failing = select(func.count(t.webhook.c.id)).where(t.webhook.c.failures >= 3)
    number = core.database.read(lambda connection: connection.execute(failing).scalar_one())
    if number:
        yield Finding("webhooks", "warning", f"{number:,} have failed three times or more")


def _contents(core: Core) -> Iterator[Finding]:
    rows = core.database.read(
        lambda connection: connection.execute(select(t.file.c.key, t.file.c.sha256)).all()
    )
    missing, wrong = [], []
    for row in rows:
        digest = hashlib.sha256()
        try:
            for data in core.contents.read(row.key):
                digest.update(data)
        except StoreError as error:
            if error.errno != errno.ENOENT:
                raise
            missing.append(row.key)
        else:
            if digest.hexdigest() != row.sha256:
                wrong.append(row.key)
    if missing or wrong:
        shown = ", ".join([*missing, *wrong][:_MAX_SHOWN])
        yield Finding(
            "contents",
            "error",
            f"{len(missing)} missing, {len(wrong)} damaged: {shown}; hint: delete what is damaged, "
            "and upload the files again",
        )
    else:
        yield Finding("contents", "ok", f"{len(rows):,} there")


def _tags(core: Core) -> Iterator[Finding]:
    keys = winning_parts(core)
    missing = [key for key in keys if not core.parts.has(key)]
    damaged = [key for key in keys if key not in set(missing) and not _is_whole(core, key)]
    if missing or damaged:
        shown = ", ".join(key.name for key in [*missing, *damaged][:_MAX_SHOWN])
        yield Finding(
            "tags",
            "error",
            f"{len(missing)} of {len(keys)} missing, {len(damaged)} damaged: {shown}; "
            "hint: force them",
        )
    else:
        yield Finding("tags", "ok", f"{len(keys):,} there")


def _is_whole(core: Core, key: PartKey) -> bool:
    """Whether a tags file is complete: it ends in `progress`."""
    last = None
    try:
        for message in core.parts.read(key):
            last = message
    except MessageError:
        return False
    return isinstance(last, Progress)
