"""Writes that wait for each other share a transaction, and none fails with another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import DatabaseFullError
from common_ml.service.db.grouping import GroupedWrites
from tests.service.cores import add_file as add
from tests.service.cores import ask, claim, finish, make_user, offer, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.db.engine import Database


class Counted:
    """A database whose first transaction begins when as many others wait as are wanted."""

    def __init__(self, database: Database, writes: GroupedWrites, *, others: int) -> None:
        self._database = database
        self._writes = writes
        self._others = others
        self.transactions = 0

    def write(self, work: Callable[[Connection], Any]) -> Any:
        self.transactions += 1
        if self.transactions == 1:
            while len(self._writes._waiting) < self._others:
                threading.Event().wait(0.005)
        return self._database.write(work)


def grouped(core: Core, *, others: int) -> tuple[GroupedWrites, Counted]:
    writes = GroupedWrites(core.database)
    counted = Counted(core.database, writes, others=others)
    writes._database = counted  # type: ignore[assignment] # all that is called is there
    return writes, counted


def test_what_waits_is_written_together(any_core: Core) -> None:
    offer(any_core)
    ann = make_user(any_core, "ann")
    files = [add(any_core, ann, b"%d" % n, f"{n}.png").sha256 for n in range(8)]
    ids = ask(any_core, ann, *files)
    claims = claim(any_core, limit=8)
    writes, counted = grouped(any_core, others=7)

    def end(place: int) -> bool:
        one = claims[place]

        def work(connection: Connection) -> bool:
            from common_ml.service.db import queue

            return queue.finish(any_core, connection, one.id, fence=one.fence, outcome="done")

        return writes.write(work, prediction=one.id)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(end, range(8))) == [True] * 8

    assert counted.transactions == 2  # the first, and all others
    assert {state(any_core, ann, one) for one in ids} == {"done"}
    assert finish(any_core, claims[0])  # once more changes nothing


def test_the_others_do_not_fail_with_one(core: Core) -> None:
    writes, counted = grouped(core, others=3)

    def work(number: int) -> int:
        def do(connection: Connection) -> int:
            del connection
            return 6 // number

        return writes.write(do, prediction=number)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(work, 1)
        while not counted.transactions:
            threading.Event().wait(0.005)
        others = [pool.submit(work, number) for number in (2, 0, 3)]
        assert [first.result(), others[0].result(), others[2].result()] == [6, 3, 2]
        with pytest.raises(ZeroDivisionError):
            others[1].result()
    assert counted.transactions == 5


def test_a_full_database_reaches_all(core: Core) -> None:
    writes, counted = grouped(core, others=1)

    def full(connection: Connection) -> None:
        raise DatabaseFullError("full")

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(writes.write, full, prediction=n) for n in range(2)]
        assert all(isinstance(one.exception(), DatabaseFullError) for one in found)
    assert counted.transactions == 2
