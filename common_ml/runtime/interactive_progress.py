"""Show the progress of `tag_files` at a prompt or in a notebook."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from common_ml.tagging.messages import Error, Progress, Tag

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.tagging.messages import Message

_SILENT_SECONDS = 1.0
"""Seconds; shorter jobs show no progress."""
_STEP_SECONDS = 0.5


class InteractiveProgress:
    """A progress line on stderr, removed at the end; disabled in scripts."""

    def __init__(self, num_files: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Initialise.

        Args:
            num_files: Files to tag.
            clock: Returns seconds since an arbitrary point in time.
        """
        self._num_files = num_files
        self._clock = clock
        self._is_shown = hasattr(sys, "ps1") or bool(sys.flags.interactive)
        self._next = clock() + _SILENT_SECONDS
        self._num_done = self._num_tags = 0
        self._width = 0

    def add(self, message: Message) -> None:
        """Count a message."""
        if not self._is_shown:
            return
        if isinstance(message, Tag):
            self._num_tags += 1
        elif isinstance(message, Progress | Error):
            self._num_done += 1
        now = self._clock()
        if now >= self._next:
            self._next = now + _STEP_SECONDS
            self._write(f"{self._num_done}/{self._num_files} files, {self._num_tags:,} tags")

    def close(self) -> None:
        """Remove the line."""
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text.ljust(self._width)}" if text else f"\r{' ' * self._width}\r")
        sys.stderr.flush()
        self._width = len(text)
