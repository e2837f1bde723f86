"""Wait for files that do not exist yet when their line arrives."""

from __future__ import annotations

import os
from time import monotonic  # bound here: a model may replace `time.monotonic`
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STEP_SECONDS = 0.05
"""Interval of checks for missing files: short for a user, negligible CPU time."""


class LateFiles:
    """Hold missing files back until they exist or their time is up; pass others at once."""

    def __init__(self, wait_seconds: float) -> None:
        """Prepare to wait.

        Args:
            wait_seconds: Time limit per file, from the arrival of its line; 0 holds none back.
        """
        self._wait_seconds = wait_seconds
        self._missing: list[tuple[str, float]] = []  # with its deadline, earliest first
        self._next_look = 0.0

    def ready(self, arrived: list[str]) -> list[str]:
        """Return the files that exist or have timed out: of `arrived`, then of those held back."""
        if self._wait_seconds == 0:
            return arrived
        now = monotonic()
        late = self._look_again(now) if now >= self._next_look else []
        ready = []
        end = now + self._wait_seconds
        for file in arrived:
            if _is_missing(file):
                self._missing.append((file, end))
            else:
                ready.append(file)
        # checking 100,000 missing files takes a while: limit it to a tenth of the time
        finished = monotonic()
        self._next_look = max(self._next_look, finished + 10 * (finished - now))
        return ready + late

    def poll_interval(self) -> float | None:
        """Return the seconds until `ready` is to be called again; None if nothing is held back."""
        return max(0.0, self._next_look - monotonic()) if self._missing else None

    def drain(self, wait: Callable[[float], object]) -> Iterator[list[str]]:
        """Yield the remaining files as they become ready, after the end of input.

        Args:
            wait: Called with the seconds to wait; it may return early or raise.
        """
        while (seconds := self.poll_interval()) is not None:
            wait(seconds)
            yield self.ready([])

    def _look_again(self, now: float) -> list[str]:
        """Return the files that were held back and are ready now."""
        held, self._missing = self._missing, []
        ready = []
        for file, end in held:
            if end > now and _is_missing(file):
                self._missing.append((file, end))
            else:
                ready.append(file)
        self._next_look = now + STEP_SECONDS
        return ready


def _is_missing(file: str) -> bool:
    """Return whether the file does not exist; False if waiting cannot help."""
    try:
        os.stat(file)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # too long, permission denied, a NUL in it
        return False
    return False
