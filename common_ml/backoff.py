"""How long to wait before the next attempt: exponential back-off with jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off with jitter.

    Raises:
        ValueError: a value out of its range.
    """

    attempts: int = 6
    """In all, >= 1."""
    first_seconds: float = 1
    factor: float = 2
    longest_seconds: float = 30

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be >= 1, got {self.attempts}")

    def delay_seconds(self, attempt: int, jitter: float | None = None) -> float:
        """Return between half of the wait and all of it: callers that failed together spread out.

        Args:
            attempt: How many have failed, counted from 1.
            jitter: 0..1; random by default.
        """
        if jitter is None:
            jitter = random.random()  # noqa: S311 - not a secret
        # beyond 2**60 the longest wait has long been reached, and a float would overflow
        grown = self.first_seconds * self.factor ** min(attempt - 1, 60)
        return min(grown, self.longest_seconds) * (0.5 + jitter / 2)
