"""Several calls of a model at once, such as requests to a remote endpoint; results in order."""

from __future__ import annotations

import asyncio
import inspect
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from common_ml.backoff import Backoff
from common_ml.tagging.job.context import current_job
from common_ml.tagging.job.log import SafeLogger

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Call = Callable[[], Any]

logger = SafeLogger(__name__)

GROUP = 4
"""Frames that are taken at once, as a multiple of the calls at once: slow ones hold up less."""
_LOOK_SECONDS = 0.05
"""How often a request to stop and the time limit are looked at while a call is waited for."""


class ConcurrentCalls:
    """Runs calls of a model in threads, or as tasks of an event loop where they are coroutines.

    The class of the model says what happens to a call that fails: `backoff` (how often and after
    which waits it is tried in all), `retry_on` (after which exceptions), and for coroutines
    `call_timeout_seconds`.
    """

    def __init__(self, model: object, method: Callable[..., Any], *, concurrency: int) -> None:
        self._is_async = inspect.iscoroutinefunction(method)
        kind = type(model)
        self._backoff: Backoff = getattr(kind, "backoff", None) or Backoff(attempts=1)
        self._retry_on: tuple[type[Exception], ...] = getattr(kind, "retry_on", (OSError,))
        self._timeout_seconds: float | None = getattr(kind, "call_timeout_seconds", None)
        self._concurrency = concurrency
        self._pool: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def results(self, calls: list[Call]) -> Generator[Callable[[], Any], None, None]:
        """Start the calls, and yield for each in order a function that waits for its result.

        The function raises what the call raised, `StopRequested` where the process is asked to
        stop, and `LimitError` where the time for the file is over. Leaving the iteration cancels
        the rest: coroutines where they are, calls in threads before their next attempt.
        """
        stopped = threading.Event()
        futures = (
            self._submitted_tasks(calls) if self._is_async else self._submitted(calls, stopped)
        )
        try:
            for future in futures:
                yield partial(_result, future)
        finally:
            stopped.set()
            for future in futures:
                future.cancel()

    def _submitted(self, calls: list[Call], stopped: threading.Event) -> list[Future[Any]]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._concurrency, "common-ml-calls")
        run = partial(self._tried, stopped=stopped)
        return [self._pool.submit(copy_context().run, run, call) for call in calls]

    def _tried(self, call: Call, *, stopped: threading.Event) -> Any:
        for attempt in range(1, self._backoff.attempts + 1):
            try:
                return call()
            except self._retry_on as error:
                if attempt == self._backoff.attempts or stopped.is_set():
                    raise
                self._tell(error, attempt)
                stopped.wait(self._backoff.delay_seconds(attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _submitted_tasks(self, calls: list[Call]) -> list[Future[Any]]:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(
                target=_run, args=(self._loop,), name="common-ml-calls", daemon=True
            ).start()
            weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
        at_once = asyncio.Semaphore(self._concurrency)
        return [
            asyncio.run_coroutine_threadsafe(self._awaited(call, at_once), self._loop)
            for call in calls
        ]

    async def _awaited(self, call: Call, at_once: asyncio.Semaphore) -> Any:
        # not a built-in TimeoutError in Python 3.10
        retry_on: tuple[type[Exception], ...] = (*self._retry_on, asyncio.TimeoutError)
        async with at_once:
            for attempt in range(1, self._backoff.attempts + 1):
                try:
                    return await asyncio.wait_for(call(), self._timeout_seconds)
                except retry_on as error:
                    if attempt == self._backoff.attempts:
                        raise
                    self._tell(error, attempt)
                    await asyncio.sleep(self._backoff.delay_seconds(attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _tell(self, error: Exception, attempt: int) -> None:
        logger.warning(
            "attempt %d of %d failed: %s: %s",
            attempt,
            self._backoff.attempts,
            type(error).__name__,
            error,
        )


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.close()


def _result(future: Future[Any]) -> Any:
    job = current_job()
    while True:
        job.raise_if_stopped()
        job.check_time()
        try:
            return future.result(_LOOK_SECONDS)
        except NotYetError:
            if future.done():  # meanwhile, or the call itself has raised it
                return future.result()
