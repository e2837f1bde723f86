"""Files that do not exist yet when their line arrives, and how long they are waited for."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from common_ml.tagging.stopping import check

if TYPE_CHECKING:
    from collections.abc import Iterator

STEP_SECONDS = 0.05
"""How often a file that is waited for is looked for: nobody notices, and it costs nothing."""


class LateFiles:
    """Holds files back until they exist or their time is up; others pass at once."""

    def __init__(self, wait_seconds: float) -> None:
        """Prepare to wait.

        Args:
            wait_seconds: For each file, from the arrival of its line; 0 holds none back.
        """
        self._wait_seconds = wait_seconds
        self._missing: list[tuple[str, float]] = []  # with the end of its time, earliest first
        self._nap_seconds = STEP_SECONDS

    def ready(self, arrived: list[str]) -> list[str]:
        """The files that can be tagged now, or never: of `arrived`, and then of those held back."""
        if self._wait_seconds == 0:
            return arrived
        now = time.monotonic()
        held, self._missing = self._missing, []
        ready = []
        end = now + self._wait_seconds
        for file in arrived:
            if _is_missing(file):
                self._missing.append((file, end))
            else:
                ready.append(file)
        late = []
        for file, its_end in held:
            if its_end > now and _is_missing(file):
                late.append((file, its_end))
            else:
                ready.append(file)
        self._missing = late + self._missing
        # a hundred thousand missing files take a while to look for: that is a tenth of the time
        self._nap_seconds = max(STEP_SECONDS, 10 * (time.monotonic() - now))
        return ready

    def nap_seconds(self) -> float | None:
        """How long to sleep before `ready` is asked again; None where nothing is held back."""
        return self._nap_seconds if self._missing else None

    def rest(self) -> Iterator[list[str]]:
        """What is held back when nothing more arrives, as it becomes ready.

        Raises:
            Stopped: the process is asked to stop.
        """
        while self._missing:
            check()
            time.sleep(self._nap_seconds)
            yield self.ready([])


def _is_missing(file: str) -> bool:
    """Whether there is nothing under this name; what cannot be looked at is no matter of time."""
    try:
        os.stat(file)  # noqa: PTH116 - as the path is
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # too long, not allowed, a zero byte in it
        return False
    return False
