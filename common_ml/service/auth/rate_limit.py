"""Rate limit of failed logins, by name and by address."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_MAX_KEYS = 10_000


class FailureLimit:
    """Leaky bucket of failures for each key.

    Args:
        failures: Capacity: failures before a key is blocked.
        per_seconds: Time in which a full bucket drains.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        failures: int = 10,
        per_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._rate = failures / per_seconds
        self._clock = clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def retry_after(self, *keys: Hashable) -> float:
        """Return the seconds until one more attempt is allowed for all of the keys; 0 for now."""
        with self._lock:
            over = max((self._level(key) for key in keys), default=0.0) - (self._failures - 1)
        return max(0.0, over / self._rate)

    def add(self, *keys: Hashable) -> None:
        """Count a failed attempt."""
        with self._lock:
            for key in keys:
                self._levels[key] = (self._level(key) + 1, self._clock())
                self._levels.move_to_end(key)
            while len(self._levels) > _MAX_KEYS:
                self._levels.popitem(last=False)

    def clear(self, *keys: Hashable) -> None:
        """Reset the failures of keys, after a success."""
        with self._lock:
            for key in keys:
                self._levels.pop(key, None)

    def _level(self, key: Hashable) -> float:
        level, at = self._levels.get(key, (0.0, 0.0))
        return max(0.0, level - (self._clock() - at) * self._rate) if level else 0.0
