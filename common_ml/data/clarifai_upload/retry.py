"""Retry policy: number of attempts, delays between them, and the clock for tests."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml import backoff
from common_ml.errors import UploadError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Backoff(backoff.Backoff):
    """Number of attempts and the growing delays between them.

    Raises:
        UploadError: a value out of its range.
    """

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise UploadError(f"attempts must be >= 1, got {self.attempts}")


@dataclass(frozen=True)
class RetryClock:
    """Clock, sleep and random source, replaceable in tests."""

    sleep: Callable[[float], object] | None = None
    """Sleep function, in seconds; None: sleeps until they are over or the upload stops."""
    now: Callable[[], float] = time.monotonic
    """Seconds."""
    jitter: Callable[[], float] = random.random
    """0..1."""
