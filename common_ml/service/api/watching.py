"""Wake those who wait when something happens: one question to the database for all of them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from common_ml.errors import CommonMLError
from common_ml.service.logs import LOGGER_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger(f"{LOGGER_NAME}.events")
_MAX_PAUSE_SECONDS = 10.0


class Watcher:
    """The number of the latest event, and those who wait for a higher one.

    Args:
        latest: Returns the number of the latest event; it blocks.
        interval_seconds: Between two questions, while anybody waits and nobody rings.
    """

    def __init__(self, latest: Callable[[], int], *, interval_seconds: float = 0.5) -> None:
        self._latest = latest
        self._interval = interval_seconds
        self.seen = 0
        """The number of the latest event, when it was asked last."""
        self.problem = ""
        """Why the latest event could not be asked for; empty where it could."""
        self._num_waiting = 0
        self._changed = asyncio.Condition()
        self._wanted = asyncio.Event()
        self._rung = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stopping = asyncio.Event()
        """Set at a graceful shutdown: nobody waits any longer."""

    async def run(self) -> None:
        """Ask until this is cancelled; after failures at growing intervals, until one succeeds."""
        self._loop = asyncio.get_running_loop()
        num_failures = 0
        while True:
            if not num_failures:
                await self._wanted.wait()
            self._rung.clear()
            try:
                latest = await run_sync(self._latest)
            except Exception as error:  # noqa: BLE001 - whatever fails, all pages depend on the next question
                num_failures += 1
                await self._report(error)
            else:
                num_failures = 0
                await self._set(seen=latest, problem="")
            pause = self._interval * 2.0 ** min(num_failures, 16)
            await self._pause(min(pause, max(_MAX_PAUSE_SECONDS, self._interval)))

    def ring(self) -> None:
        """Let it ask now, since there may be an event; called by any thread while it runs."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._rung.set)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
            await asyncio.wait_for(self._rung.wait(), seconds)

    async def _report(self, error: Exception) -> None:
        if not self.problem:  # once, not at each question
            is_known = isinstance(error, CommonMLError)
            _LOG.warning("cannot look for events: %s", error, exc_info=None if is_known else error)
        problem = str(error).partition("\n")[0] or type(error).__name__
        await self._set(seen=self.seen, problem=problem)

    async def _set(self, *, seen: int, problem: str) -> None:
        if problem != self.problem and not problem:
            _LOG.info("events are seen again")
        if (seen, bool(problem)) != (self.seen, self.is_late):
            async with self._changed:
                self.seen, self.problem = seen, problem
                self._changed.notify_all()
        self.problem = problem

    @property
    def is_late(self) -> bool:
        """Whether new events are not seen at once, because the latest one cannot be asked for."""
        return bool(self.problem)

    async def stop(self) -> None:
        """Let everybody go."""
        self.stopping.set()
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, after: int, *, seconds: float, was_late: bool | None = None) -> None:
        """Return when there is an event above `after`, when the time is over, or at the end.

        Args:
            after: Number of an event.
            seconds: At most.
            was_late: Return also when `is_late` differs from this.
        """

        def is_over() -> bool:
            changed = was_late is not None and self.is_late != was_late
            return changed or self.seen > after or self.stopping.is_set()

        if self.stopping.is_set():
            return
        self._num_waiting += 1
        self._wanted.set()
        try:
            async with self._changed:
                await asyncio.wait_for(self._changed.wait_for(is_over), seconds)
        except (TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
            return
        finally:
            self._num_waiting -= 1
            if not self._num_waiting:
                self._wanted.clear()
