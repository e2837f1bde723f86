"""Results that threads make side by side and one taker gets in order, in bounded memory."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from common_ml.media.budget import ClosedBudgetError, OrderedBudget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")


class Handover(Generic[Result]):
    """Numbered results (0, 1, 2, ...) from many makers to one taker."""

    def __init__(self, memory_budget_bytes: int) -> None:
        """Prepare.

        Args:
            memory_budget_bytes: How much finished results may hold together; the next one to be
                taken is made whatever the others hold.
        """
        self._budget = OrderedBudget(memory_budget_bytes)
        self._finished: dict[int, Result | BaseException | None] = {}
        self._changed = threading.Condition()

    def put(self, number: int, num_bytes: int, make: Callable[[], Result]) -> None:
        """Make a result once there is room for it.

        Raises:
            ClosedBudgetError: nobody takes results any more.
        """
        self._budget.reserve(number, num_bytes)
        self._store(number, make())

    def end(self, number: int) -> None:
        """Say that there is no such result, nor any after it."""
        self._store(number, None)

    def fail(self, number: int, error: BaseException) -> None:
        """Say that this result cannot be made: the taker gets the error in its place."""
        self._store(number, error)

    def taken(self) -> Iterator[Result]:
        """All results in order."""
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
            self._budget.hand_over()
            yield result
            del result  # from here on it is the taker's alone

    def close(self) -> None:
        """Send home everyone who waits for room; finished results are dropped."""
        self._budget.close()
        with self._changed:
            self._finished.clear()

    def _store(self, number: int, result: Result | BaseException | None) -> None:
        with self._changed:
            self._finished[number] = result
            self._changed.notify_all()


def made_by(
    makers: list[Callable[[Handover[Result]], None]], memory_budget_bytes: int
) -> Iterator[Result]:
    """The results of makers that each run on a thread of its own.

    Leaving the iterator, at its end or before, stops and joins the threads.

    Args:
        makers: Put their results; one that has nothing more to do returns.
        memory_budget_bytes: As of Handover.
    """
    handover: Handover[Result] = Handover(memory_budget_bytes)
    # A thread that waits for room must not keep the interpreter from its end.
    threads = [
        threading.Thread(target=_run, args=(maker, handover), name="decode", daemon=True)
        for maker in makers
    ]
    try:
        for thread in threads:
            thread.start()
        yield from handover.taken()
    finally:
        handover.close()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _run(maker: Callable[[Handover[Result]], None], handover: Handover[Result]) -> None:
    with suppress(ClosedBudgetError):  # the taker left
        maker(handover)
