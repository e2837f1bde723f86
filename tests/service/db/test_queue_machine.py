"""The queue against a model of it: any order of users, workers, lost leases and late answers."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from common_ml.service.db import queue
from common_ml.service.db import schema as t
from common_ml.service.operations import predictions
from common_ml.service.settings import ServiceLimits
from tests.service.cores import add_file, ask, claim, clock_of, make_core, make_user, offer
from tests.service.postgres import new_database

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.db.queue import Claim

USERS = ("ann", "bob")
FILES = 2
WORKERS = ("w1", "w2")
LIMITS = ServiceLimits(lease_seconds=60, renew_seconds=20, max_attempts=3, retry_seconds=5)


@dataclass
class Row:
    """What a prediction should be."""

    state: str = "queued"
    fence: int = 0
    attempts: int = 0
    owner: str = ""
    lease_until: float = 0.0
    not_before: float = 0.0
    part: int | None = None
    cancel: bool = False
    asked: dict[str, bool] = field(default_factory=dict)
    """User to whether the request stands."""

    @property
    def wanted(self) -> bool:
        return any(self.asked.values())

    def seen_by(self, user: str) -> str:
        return self.state if self.asked[user] else "cancelled"

    def free(self, state: str) -> None:
        self.state, self.owner, self.cancel = state, "", False

    def give_up(self, now: float) -> None:
        if self.cancel:
            self.free("cancelled")
        elif self.attempts >= LIMITS.max_attempts:
            self.free("failed")
        else:
            self.not_before = now + LIMITS.retry_seconds * 2 ** (self.attempts - 1)
            self.free("queued")


def _empty(connection: Connection) -> None:
    for table in (t.event, t.request, t.prediction):
        connection.execute(delete(table))


class QueueMachine(RuleBasedStateMachine):
    """Users ask, cancel and retry; workers claim, renew, finish, give back, or are lost."""

    claims = Bundle("claims")
    core: Core
    """Set by `machine_on`; emptied at the start of each run."""

    @initialize()
    def begin(self) -> None:
        self.core.database.write(_empty)
        self.rows: dict[int, Row] = {}

    @property
    def now(self) -> float:
        return self.core.clock.seconds()

    @rule(user=st.sampled_from(USERS), number=st.integers(0, FILES - 1), force=st.booleans())
    def ask(self, user: str, number: int, force: bool) -> None:
        [one] = ask(self.core, ACTORS[user], HASHES[number], force=force)
        row = self.rows.setdefault(one, Row())
        row.asked[user] = True
        row.cancel = False
        if row.state in ("failed", "cancelled") or (force and row.state == "done"):
            row.attempts, row.not_before = 0, 0.0
            row.free("queued")

    @rule(user=st.sampled_from(USERS), data=st.data())
    def cancel(self, user: str, data: Any) -> None:
        mine = [one for one, row in self.rows.items() if user in row.asked]
        if not mine:
            return
        one = data.draw(st.sampled_from(mine))
        row = self.rows[one]
        changes = row.state in ("queued", "running") and row.asked[user]
        assert predictions.cancel(self.core, ACTORS[user], [one]) == ([one] if changes else [])
        if not changes:
            return
        row.asked[user] = False
        if not row.wanted and row.state == "queued":
            row.free("cancelled")
        elif not row.wanted:
            row.cancel = True

    @rule(target=claims, owner=st.sampled_from(WORKERS), limit=st.integers(1, 3))
    def take(self, owner: str, limit: int) -> Any:
        return self.claim(owner, limit)

    def claim(self, owner: str, limit: int) -> Any:
        free = {
            one
            for one, row in self.rows.items()
            if row.state == "queued" and row.not_before <= self.now
        }
        claimed = claim(self.core, owner=owner, limit=limit)
        assert {one.id for one in claimed} <= free
        assert len(claimed) == min(limit, len(free))
        for one in claimed:
            row = self.rows[one.id]
            row.state, row.owner, row.cancel = "running", owner, False
            row.fence += 1
            row.attempts += 1
            row.lease_until = self.now + LIMITS.lease_seconds
            assert (one.fence, one.attempt) == (row.fence, row.attempts)
        return multiple(*claimed)

    @rule(claimed=claims)
    def renew(self, claimed: Claim) -> None:
        is_held = self._holds(claimed)
        kept = self._write(queue.renew, [(claimed.id, claimed.fence)])
        assert kept == ({claimed.id} if is_held else set())
        if is_held:
            self.rows[claimed.id].lease_until = self.now + LIMITS.lease_seconds

    @rule(claimed=consumes(claims), outcome=st.sampled_from(["done", "failed", "cancelled"]))
    def finish(self, claimed: Claim, outcome: Any) -> None:
        row = self.rows[claimed.id]
        keys = {"fence": claimed.fence, "outcome": outcome}
        is_held = self._holds(claimed)
        done = self._write(queue.finish, claimed.id, **keys)
        if not is_held:  # an old fence changes nothing, whatever the answer: see the invariant
            return
        assert done
        if outcome == "done":
            row.part = claimed.fence
        if outcome == "cancelled" and row.wanted:
            row.attempts -= 1
            row.free("queued")
        else:
            row.free(outcome)
        # repeated, as after a commit of which nobody knows
        assert self._write(queue.finish, claimed.id, **keys)

    @rule(claimed=consumes(claims), error=st.sampled_from([None, "no"]))
    def release(self, claimed: Claim, error: str | None) -> None:
        row, is_held = self.rows[claimed.id], self._holds(claimed)
        released = self._write(queue.release, claimed.id, fence=claimed.fence, error=error)
        assert released == is_held
        if not is_held:
            return
        if error is None:
            row.attempts -= 1
            row.free("cancelled" if row.cancel else "queued")
        else:
            row.give_up(self.now)

    @rule(target=claims, owner=st.sampled_from(WORKERS))
    def lose_and_claim(self, owner: str) -> Any:
        """All leases are over, and another worker takes over: the old claims are still about."""
        self.wait(61)
        self.requeue_lost()
        self.wait(30)
        return self.claim(owner, 3)

    @rule(seconds=st.sampled_from([1, 5, 30, 61]))
    def let_pass(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        clock_of(self.core).advance(seconds)

    @rule()
    def reap(self) -> None:
        self.requeue_lost()

    def requeue_lost(self) -> None:
        lost = {
            one
            for one, row in self.rows.items()
            if row.state == "running" and row.lease_until < self.now
        }
        assert set(self._write(queue.requeue_lost)) == lost
        for one in lost:
            self.rows[one].give_up(self.now)

    @invariant()
    def the_database_agrees(self) -> None:
        rows = self.core.database.read(
            lambda connection: connection.execute(select(t.prediction)).all()
        )
        found = {
            row.id: (
                row.state,
                row.fence,
                row.attempts,
                row.owner or "",
                row.part,
                bool(row.cancel),
            )
            for row in rows
        }
        assert found == {
            one: (row.state, row.fence, row.attempts, row.owner, row.part, row.cancel)
            for one, row in self.rows.items()
        }
        for user in USERS:
            seen = {one.id: one.state for one in predictions.find(self.core, ACTORS[user])}
            assert seen == {
                one: row.seen_by(user) for one, row in self.rows.items() if user in row.asked
            }

    def _holds(self, one: Claim) -> bool:
        row = self.rows[one.id]
        return row.state == "running" and row.fence == one.fence

    def _write(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        return self.core.database.write(
            lambda connection: statement(self.core, connection, *arguments, **options)
        )


ACTORS: dict[str, Any] = {}
HASHES: list[str] = []


def run(core: Core, *, num_examples: int, num_steps: int) -> None:
    offer(core)
    ACTORS.update({name: make_user(core, name) for name in USERS})
    HASHES[:] = [add_file(core, ACTORS["ann"], bytes([n]), f"{n}.png").sha256 for n in range(FILES)]
    for n in range(FILES):
        add_file(core, ACTORS["bob"], bytes([n]), f"{n}.png")
    machine = type("Machine", (QueueMachine,), {"core": core})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=num_examples,
            stateful_step_count=num_steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_queue_on_sqlite() -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        core = stack.enter_context(make_core(Path(folder), limits=LIMITS))
        run(core, num_examples=20, num_steps=25)


@pytest.mark.slow
def test_the_queue_on_sqlite_at_length() -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        core = stack.enter_context(make_core(Path(folder), limits=LIMITS))
        run(core, num_examples=60, num_steps=40)


@pytest.mark.postgres
def test_the_queue_on_postgresql(postgres_server: Any) -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = new_database(postgres_server)
        core = stack.enter_context(make_core(Path(folder), limits=LIMITS, database=url))
        run(core, num_examples=20, num_steps=25)
