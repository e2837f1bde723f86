"""How long to wait before the next attempt: exponential back-off with jitter."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.errors import UploadError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Backoff:
    """Waits that grow.

    Raises:
        UploadError: a value out of its range.
    """

    attempts: int = 6
    """In all, >= 1."""
    first_seconds: float = 1
    factor: float = 2
    longest_seconds: float = 30

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise UploadError(f"attempts must be >= 1, got {self.attempts}")

    def delay_seconds(self, attempt: int, luck: float) -> float:
        """Between half of the wait and all of it: threads that failed together part.

        Args:
            attempt: How many have failed, counted from 1.
            luck: A random number, 0..1.
        """
        # beyond 2**60 the longest wait has long been reached, and a float would overflow
        grown = self.first_seconds * self.factor ** min(attempt - 1, 60)
        return min(grown, self.longest_seconds) * (0.5 + luck / 2)


@dataclass(frozen=True)
class Clock:
    """Time and chance, so that tests need neither."""

    sleep: Callable[[float], object] | None = None
    """Takes seconds. None: sleeps until they are over or the upload stops."""
    now: Callable[[], float] = time.monotonic
    """Seconds."""
    luck: Callable[[], float] = random.random
    """0..1."""
