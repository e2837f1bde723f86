"""Print the Python stacks of all threads to stderr on a crash in native code."""

from __future__ import annotations

import faulthandler
from contextlib import suppress


def enable_faulthandler() -> None:
    """Print the stacks on SIGSEGV, SIGFPE, SIGABRT, SIGBUS and SIGILL, before the process ends."""
    if not faulthandler.is_enabled():
        with suppress(OSError, RuntimeError, ValueError):  # stderr is closed
            faulthandler.enable(file=2)
