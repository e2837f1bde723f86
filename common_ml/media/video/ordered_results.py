"""Queue of numbered results: made by threads in parallel, consumed in order, memory bounded."""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Generic, TypeVar

from common_ml.media.budget import ClosedBudgetError, OrderedBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")


class OrderedResults(Generic[Result]):
    """Numbered results (0, 1, 2, ...) from many producers to one consumer."""

    def __init__(self, memory_budget_bytes: int) -> None:
        """Prepare.

        Args:
            memory_budget_bytes: Limit for finished results together; the next one in order
                is always accepted.
        """
        self._budget = OrderedBudget(memory_budget_bytes)
        self._finished: dict[int, Result | BaseException | None] = {}
        self._changed = threading.Condition()

    def put(self, number: int, num_bytes: int, make: Callable[[], Result]) -> None:
        """Make a result once there is memory for it.

        Raises:
            ClosedBudgetError: the consumer has left.
        """
        self._budget.reserve(number, num_bytes)
        self._store(number, make())

    def end(self, number: int) -> None:
        """Mark the end: there is no such result, nor any after it."""
        self._store(number, None)

    def fail(self, number: int, error: BaseException) -> None:
        """Put an error in place of this result: the consumer raises it."""
        self._store(number, error)

    def in_order(self) -> Iterator[Result]:
        """Yield all results in order."""
        number = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: number in self._finished)  # noqa: B023 - at once
                result = self._finished.pop(number)
            if result is None:
                return
            if isinstance(result, BaseException):
                raise result
            number += 1
            self._budget.release_next()
            yield result
            del result  # drop our reference: the consumer owns it

    def close(self) -> None:
        """Unblock waiting producers; finished results are dropped."""
        self._budget.close()
        with self._changed:
            self._finished.clear()

    def _store(self, number: int, result: Result | BaseException | None) -> None:
        with self._changed:
            self._finished[number] = result
            self._changed.notify_all()


def produced_in_order(
    producers: list[Callable[[OrderedResults[Result]], None]], memory_budget_bytes: int
) -> Iterator[Result]:
    """Yield the results of producers, each on a thread of its own.

    Leaving the iterator, at its end or before, stops and joins the threads.

    Args:
        producers: Put their results; one that has nothing more to do returns.
        memory_budget_bytes: As for `OrderedResults`.
    """
    results: OrderedResults[Result] = OrderedResults(memory_budget_bytes)
    # Daemon threads: one that waits for memory must not block interpreter exit.
    threads = [
        threading.Thread(
            # with the consumer's limits and choices
            target=copy_context().run,
            args=(_run, producer, results),
            name="decode",
            daemon=True,
        )
        for producer in producers
    ]
    try:
        for thread in threads:
            thread.start()
        yield from results.in_order()
    finally:
        results.close()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _run(
    producer: Callable[[OrderedResults[Result]], None], results: OrderedResults[Result]
) -> None:
    with suppress(ClosedBudgetError):  # the consumer left
        producer(results)
