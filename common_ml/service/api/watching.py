"""Wake waiting requests when there is a new event: one database poll for all of them."""

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
    """Holds the id of the latest event, and wakes those who wait for a later one.

    Args:
        latest: Returns the id of the latest event; blocking.
        interval_seconds: Poll interval while anybody waits and no notification comes.
    """

    def __init__(self, latest: Callable[[], int], *, interval_seconds: float = 0.5) -> None:
        self._latest = latest
        self._interval = interval_seconds
        self.seen = 0
        """The id of the latest event, as of the last poll."""
        self.problem = ""
        """Why the last poll failed; "" where it succeeded."""
        self._num_waiting = 0
        self._changed = asyncio.Condition()
        self._wanted = asyncio.Event()
        self._rung = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stopping = asyncio.Event()
        """Set at a graceful shutdown, to end all waiting."""

    async def run(self) -> None:
        """Poll until cancelled, with exponential back-off after failures."""
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

    def notify(self) -> None:
        """Request a poll now, as there may be an event. Thread-safe."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._rung.set)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
            await asyncio.wait_for(self._rung.wait(), seconds)

    async def _report(self, error: Exception) -> None:
        if not self.problem:  # once, not at each poll
            is_known = isinstance(error, CommonMLError)
            _LOG.warning("cannot poll for events: %s", error, exc_info=None if is_known else error)
        problem = str(error).partition("\n")[0] or type(error).__name__
        await self._set(seen=self.seen, problem=problem)

    async def _set(self, *, seen: int, problem: str) -> None:
        if problem != self.problem and not problem:
            _LOG.info("polling for events works again")
        if (seen, bool(problem)) != (self.seen, self.is_late):
            async with self._changed:
                self.seen, self.problem = seen, problem
                self._changed.notify_all()
        self.problem = problem

    @property
    def is_late(self) -> bool:
        """Whether new events are delayed because polling fails."""
        return bool(self.problem)

    async def stop(self) -> None:
        """Wake everybody who waits, for a graceful shutdown."""
        self.stopping.set()
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, after: int, *, seconds: float, was_late: bool | None = None) -> None:
        """Wait for an event after `after`, the timeout, or the shutdown.

        Args:
            after: Id of an event.
            seconds: Timeout.
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
