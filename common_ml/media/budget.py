"""Share a memory budget between workers; the next result in order never waits for it."""

from __future__ import annotations

from threading import Condition


class ClosedBudgetError(Exception):
    """The budget was closed: no consumer is left."""


class OrderedBudget:
    """Bytes for numbered results (0, 1, 2, ...) that are consumed in that order.

    The next result to be taken gets its memory at once, whatever the others hold: so there is
    always one that can be finished, and at most one that exceeds the budget.
    """

    def __init__(self, num_bytes: int) -> None:
        self._budget = num_bytes
        self._held: dict[int, int] = {}
        self._next = 0
        self._closed = False
        self._changed = Condition()

    def reserve(self, number: int, num_bytes: int | None) -> None:
        """Wait until there is room.

        Args:
            number: Number of the result.
            num_bytes: Size of the result; None, if unknown, waits until it is the next in order.

        Raises:
            ClosedBudgetError: `close` was called.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._fits(number, num_bytes))
            if self._closed:
                raise ClosedBudgetError
            self._held[number] = num_bytes or 0

    def settle(self, number: int, num_bytes: int) -> None:
        """Correct the size to what the finished result really holds."""
        with self._changed:
            self._held[number] = num_bytes
            self._changed.notify_all()

    def release_next(self) -> None:
        """Release the memory of the next result: its consumer owns it now."""
        with self._changed:
            self._held.pop(self._next, None)
            self._next += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Unblock all waiting workers with ClosedBudgetError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _fits(self, number: int, num_bytes: int | None) -> bool:
        if number == self._next:
            return True
        return num_bytes is not None and sum(self._held.values()) + num_bytes <= self._budget
