"""Group commit: combine concurrent writes of several threads into one transaction."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select

from common_ml.errors import DatabaseUnavailableError
from common_ml.service.db import schema as t

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from common_ml.service.db.engine import Database

Result = TypeVar("Result")
_MAX_TOGETHER = 50
"""Maximum number of writes in a transaction, so that other writers do not wait long."""
_p = t.prediction.c


@dataclass(frozen=True)
class _Write:
    work: Callable[[Connection], Any]
    prediction: int
    result: Future[Any] = field(default_factory=Future)


class GroupedWrites:
    """Like `Database.write`, with group commit for many small concurrent writes.

    While one thread writes, the others queue theirs; the next one takes all of them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = threading.Lock()
        self._lock = threading.Lock()  # of `_waiting`
        self._waiting: list[_Write] = []

    def write(self, work: Callable[[Connection], Result], *, prediction: int) -> Result:
        """Run a function in a shared transaction; return when it is committed.

        Args:
            work: Idempotent, as in `Database.write`.
            prediction: The only prediction that it changes.

        Raises:
            DatabaseUnavailableError: the database is unavailable, or full.
        """
        mine = _Write(work, prediction)
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            while not mine.result.done():
                with self._lock:
                    together = self._waiting[:_MAX_TOGETHER]
                    del self._waiting[:_MAX_TOGETHER]
                self._run(together)
        found: Result = mine.result.result()
        return found

    def _run(self, together: list[_Write]) -> None:
        def work(connection: Connection) -> list[Any]:
            if len(together) > 1:
                _lock_rows(connection, [one.prediction for one in together])
            return [one.work(connection) for one in together]

        try:
            results = self._database.write(work)
        except DatabaseUnavailableError as error:
            for one in together:
                one.result.set_exception(error)
        except Exception as error:  # noqa: BLE001 - raised in the waiting thread
            if len(together) == 1:
                together[0].result.set_exception(error)
                return
            for one in together:  # retried one by one: one failure must not fail the other writes
                self._run([one])
        else:
            for one, result in zip(together, results, strict=True):
                one.result.set_result(result)


def _lock_rows(connection: Connection, predictions: list[int]) -> None:
    """Lock all rows before the lock of the event log, which every transaction takes last.

    On SQLite the transaction locks the whole database.
    """
    if connection.dialect.name == "postgresql":
        rows = select(_p.id).where(_p.id.in_(predictions)).order_by(_p.id)
        connection.execute(rows.with_for_update())
