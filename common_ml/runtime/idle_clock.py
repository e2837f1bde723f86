"""Call a function after a period of inactivity."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class IdleClock:
    """Call a function in a thread of its own, unless it is stopped before.

    Not thread-safe: who starts and stops it holds a lock.

    Args:
        seconds: None never to call.
        call: Without arguments.
    """

    def __init__(self, seconds: float | None, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """Count from now."""
        self.stop()
        if self._seconds is not None:
            self._timer = threading.Timer(self._seconds, self._call)
            self._timer.daemon = True
            self._timer.start()

    def stop(self) -> None:
        """Do not call, unless the call has begun."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
