"""What a tagger has been sent and has not finished, and since when it is silent about it."""

from __future__ import annotations

import time
from collections import Counter


class Backlog:
    """The files without a last word, each as often as it was sent, and a clock beside them.

    The clock counts only while there is work: files, or an input that has ended.
    """

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._busy_since = time.monotonic()
        self.input_closed = False
        """Whether nothing more will come."""

    @property
    def files(self) -> list[str]:
        """The paths, as sent."""
        return list(self._open.elements())

    @property
    def named(self) -> str:
        """The files, for a message: the only one, or their number and the first; "" for none."""
        files = self.files
        if len(files) < 2:
            return "".join(files)
        return f"{len(files)} files, {files[0]} first"

    @property
    def silent_seconds(self) -> float:
        """For how long there was work and not a word; 0 without work."""
        return time.monotonic() - self._busy_since if self._has_work() else 0.0

    def add(self, path: str) -> None:
        """A file is sent."""
        self.begin()
        self._open[path] += 1

    def settle(self, path: str) -> None:
        """A file has its last word."""
        if self._open[path] > 1:
            self._open[path] -= 1
        else:
            del self._open[path]  # a Counter forgives a key that is not there

    def close(self) -> None:
        """The input has ended."""
        self.begin()
        self.input_closed = True

    def begin(self) -> None:
        """What is sent to a tagger without work starts the clock."""
        if not self._has_work():
            self.restart()

    def restart(self) -> None:
        """It was heard; the clock starts anew."""
        self._busy_since = time.monotonic()

    def _has_work(self) -> bool:
        return bool(self._open) or self.input_closed
