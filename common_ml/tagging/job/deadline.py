"""Limit the time for the tagging of a file: `file_timeout_seconds`."""

from __future__ import annotations

import threading
from time import monotonic  # bound here: a model may replace `time.monotonic`

from common_ml.errors import LimitError
from common_ml.media.access import quoted
from common_ml.tagging.job.log import SafeLogger

logger = SafeLogger(__name__)


class Deadline:
    """Time limit for the tagging of some files.

    A call that is running when the time is over cannot be interrupted. A warning in the log names
    it, and `check` raises as soon as it returns.
    """

    def __init__(self, files: tuple[str, ...], timeout_seconds: float) -> None:
        """Start the clock.

        Args:
            files: The paths as received.
            timeout_seconds: Time limit per file, > 0.
        """
        self._files = files
        self._start = monotonic()
        self._allowed_seconds = timeout_seconds * len(files)
        self._alarm = threading.Timer(min(self._allowed_seconds, threading.TIMEOUT_MAX), self._warn)
        self._alarm.daemon = True
        self._alarm.start()

    def check(self) -> None:
        """Raise if the time is over.

        Raises:
            LimitError: the time is over.
        """
        taken = monotonic() - self._start
        if taken > self._allowed_seconds:
            raise LimitError(
                f"{quoted(self._files[0])} takes too long: {taken:.1f} s up to now, and"
                f" {self._allowed_seconds:g} s are allowed (file_timeout_seconds)",
                path=self._files[0],
            )

    def cancel_alarm(self) -> None:
        """Cancel the warning."""
        self._alarm.cancel()

    def _warn(self) -> None:
        logger.warning(
            "%s: its %g s are over (file_timeout_seconds); it fails when the present step returns",
            ", ".join(self._files),
            self._allowed_seconds,
        )
