"""Processes that the model has started with `multiprocessing`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess


def running_processes() -> list[BaseProcess]:
    """Return those that still run.

    Not for a process that was forked with `os.fork`: it would see those of its parent.
    """
    if "multiprocessing" not in sys.modules:
        return []
    from multiprocessing import active_children

    return active_children()


def kill_processes() -> None:
    """End them, before this process ends without the exit functions that would wait for them."""
    for process in running_processes():
        process.kill()
