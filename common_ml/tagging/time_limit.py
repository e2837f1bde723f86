"""How long the tagging of one file may take: `file_timeout_seconds`."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.errors import LimitError
from common_ml.media import limits
from common_ml.media.access import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Deadline:
    files: tuple[str, ...]
    start: float
    allowed_seconds: float

    def check(self) -> None:
        taken = time.monotonic() - self.start
        if taken > self.allowed_seconds:
            raise LimitError(
                f"{quoted(self.files[0])} takes too long: {taken:.1f} s up to now, and"
                f" {self.allowed_seconds:g} s are allowed (file_timeout_seconds)",
                path=self.files[0],
            )


class _Process:
    """The main thread tags one file after the other; nobody else asks."""

    deadline: _Deadline | None = None


@contextmanager
def time_limit(*files: str) -> Iterator[None]:
    """In the block these files are tagged, which may take the allowed time for each.

    A call that is under way when the time is over cannot be ended from outside, whatever library
    it is in. The log says then what hangs, and `check_time` raises as soon as it returns.
    """
    seconds = limits.in_force().file_timeout_seconds
    if seconds is None:
        yield
        return
    before = _Process.deadline
    _Process.deadline = _Deadline(files, time.monotonic(), seconds * len(files))
    alarm = threading.Timer(seconds * len(files), _tell, args=(files, seconds * len(files)))
    alarm.daemon = True
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()
        _Process.deadline = before


def check_time() -> None:
    """Go on, or raise; called between two frames or messages.

    Raises:
        LimitError: the time for the file that is being tagged is over.
    """
    if _Process.deadline is not None:
        _Process.deadline.check()


def _tell(files: tuple[str, ...], seconds: float) -> None:
    logger.warning(
        "%s: its %g s are over (file_timeout_seconds); given up when the present step returns",
        ", ".join(files),
        seconds,
    )
