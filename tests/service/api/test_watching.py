"""The question for the latest event goes on whatever happens to it, and says that it is late."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from common_ml.errors import CommonMLError
from common_ml.service.api.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

SOON = 60.0


class Answers:
    """What the database says, one answer after the other; the last one again and again."""

    def __init__(self, *answers: int | Exception) -> None:
        self.left = list(answers)

    def __call__(self) -> int:
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def watch(latest: Callable[[], int], *, after: int) -> tuple[list[bool], Watcher]:
    """Wait for an event above `after`; returns what `is_late` was on the way."""
    watcher = Watcher(latest, interval_seconds=0.001)
    task = asyncio.create_task(watcher.run())
    states = [watcher.is_late]
    try:
        while watcher.seen <= after:
            await watcher.wait(after, seconds=SOON, was_late=states[-1])
            states.append(watcher.is_late)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return states, watcher


def test_any_failure_is_followed_by_the_next_question(caplog: pytest.LogCaptureFixture) -> None:
    faults = [ValueError("a fault of a driver"), CommonMLError("the database is away")]
    with caplog.at_level(logging.INFO, "common_ml.service"):
        states, watcher = asyncio.run(watch(Answers(*faults, 7), after=3))

    assert states == [False, True, False]
    assert (watcher.seen, watcher.problem) == (7, "")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert caplog.records[0].exc_info is not None  # not expected: with its place


def test_who_does_not_ask_for_the_state_is_not_woken_by_it() -> None:
    async def wait() -> float:
        watcher = Watcher(Answers(ValueError("away")), interval_seconds=0.001)
        task = asyncio.create_task(watcher.run())
        begun = asyncio.get_running_loop().time()
        late = asyncio.create_task(watcher.wait(0, seconds=SOON, was_late=False))
        other = asyncio.create_task(watcher.wait(0, seconds=SOON))
        await late
        assert watcher.problem == "away"
        assert not other.done()
        await watcher.stop()
        await other
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return asyncio.get_running_loop().time() - begun

    assert asyncio.run(wait()) < SOON


def test_who_rings_is_heard_before_the_interval_is_over() -> None:
    async def wait() -> int:
        answers = Answers(3, 7)
        watcher = Watcher(answers, interval_seconds=3600)
        task = asyncio.create_task(watcher.run())
        await watcher.wait(2, seconds=SOON)
        assert watcher.seen == 3
        watcher.notify()
        await watcher.wait(3, seconds=SOON)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return watcher.seen

    assert asyncio.run(wait()) == 7
