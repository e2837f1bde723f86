"""Call a function after a period of inactivity."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class IdleTimer:
    """Calls a function in a thread of its own once the time is over, unless stopped before.

    Not thread-safe: callers of `start` and `stop` must hold a lock.

    Args:
        seconds: The period, > 0; None disables the timer.
        call: Called without arguments.
    """

    def __init__(self, seconds: float | None, call: Callable[[], None]) -> None:
        self._seconds = None if seconds is None else min(seconds, threading.TIMEOUT_MAX)
        self._call = call
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """Start the timer."""
        self.stop()
        if self._seconds is not None:
            self._timer = threading.Timer(self._seconds, self._call)
            self._timer.daemon = True
            self._timer.start()

    def stop(self) -> None:
        """Cancel the timer; a call that has begun goes on."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
