"""Short-lived cache of large result counts, for reading several pages."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

SECONDS = 5.0
_MAX_KEPT = 1_000


class RecentCounts:
    """Caches large counts; small ones are always recomputed.

    Concurrent callers of the same count share one computation.
    """

    def __init__(self, *, large: int, now: Callable[[], float] = time.monotonic) -> None:
        """Initialise an empty cache.

        Args:
            large: The smallest count that is cached.
            now: Monotonic clock, in seconds.
        """
        self._large = large
        self._now = now
        self._kept: dict[Hashable, tuple[float, int]] = {}
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, count: Callable[[], int]) -> int:
        """Return a count that is at most `SECONDS` old; compute it if none is cached."""
        with self._lock:
            if (kept := self._get(key)) is not None:
                return kept
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if (kept := self._get(key)) is not None:
                    return kept
            try:
                number = count()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            if number >= self._large:
                with self._lock:
                    self._keep(key, number)
            return number

    def _get(self, key: Hashable) -> int | None:
        made_at, number = self._kept.get(key, (-SECONDS, 0))
        return number if self._now() - made_at < SECONDS else None

    def _keep(self, key: Hashable, number: int) -> None:
        self._kept.pop(key, None)
        while len(self._kept) >= _MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (self._now(), number)
