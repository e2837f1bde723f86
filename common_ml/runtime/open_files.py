"""Track a tagger's open files, and the time since its last message."""

from __future__ import annotations

import time
from collections import Counter


class OpenFiles:
    """Multiset of files without progress or error, with an inactivity clock.

    The clock runs only while there is work: open files, or a closed input.
    """

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._busy_since = time.monotonic()
        self.input_closed = False
        """Whether the input has ended."""

    @property
    def paths(self) -> list[str]:
        """The paths, as sent."""
        return list(self._open.elements())

    @property
    def summary(self) -> str:
        """The files, for messages: the only one, or their number and the first; "" for none."""
        files = self.paths
        if len(files) < 2:
            return "".join(files)
        return f"{len(files)} files, {files[0]} first"

    @property
    def silent_seconds(self) -> float:
        """Time since the last message while there was work; 0 without work."""
        return time.monotonic() - self._busy_since if self._has_work() else 0.0

    def add(self, path: str) -> None:
        """Record that a file was sent."""
        self.begin()
        self._open[path] += 1

    def finish(self, path: str) -> None:
        """Record that a file has its progress or error."""
        if self._open[path] > 1:
            self._open[path] -= 1
        else:
            del self._open[path]  # a Counter ignores missing keys

    def close(self) -> None:
        """Record that the input was closed."""
        self.begin()
        self.input_closed = True

    def begin(self) -> None:
        """Start the clock if there was no work before."""
        if not self._has_work():
            self.restart()

    def restart(self) -> None:
        """Restart the clock after a message."""
        self._busy_since = time.monotonic()

    def _has_work(self) -> bool:
        return bool(self._open) or self.input_closed
