"""A flag that one thread waits for, and that threads and signal handlers set."""

from __future__ import annotations

import threading
from contextlib import suppress


class Wakeup:
    """A flag that is cleared by the wait that it ends.

    `threading.Event` takes a lock to be set, which the thread that a signal handler interrupts may
    hold. `queue.SimpleQueue.get` up to Python 3.12 can wait for ever where its `timeout` is over
    when something was put and taken before.
    """

    def __init__(self) -> None:
        self._unset = threading.Lock()
        self._unset.acquire()

    def set(self) -> None:
        """Set the flag; takes no lock, for signal handlers."""
        with suppress(RuntimeError):  # it is set already
            self._unset.release()

    def wait(self, timeout_seconds: float | None) -> bool:
        """Return whether the flag was set, or became set within the time; clear it.

        Args:
            timeout_seconds: Time limit; 0 or less only looks; None for none.
        """
        if timeout_seconds is None:
            return self._unset.acquire()
        return self._unset.acquire(timeout=min(max(timeout_seconds, 0.0), threading.TIMEOUT_MAX))
