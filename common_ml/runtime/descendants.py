"""Find and kill a tagger's descendant processes, wherever they are in the process tree."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "COMMON_ML_TAGGER"
"""Environment variable with the mark of a tagger: its descendants inherit it."""
_PROC = Path("/proc")
_MAX_PASSES = 5
"""A process may fork while the others are being ended."""


def kill_marked(mark: str) -> int:
    """Kill all processes that inherited a mark; Linux only, elsewhere they cannot be found.

    Found even if they have a new session or another parent.

    Returns:
        The number of processes killed.
    """
    num_killed = 0
    for _ in range(_MAX_PASSES):
        found = list(_marked(mark))
        for pid in found:
            _kill(pid, mark)
        num_killed += len(found)
        if not found:
            break
    return num_killed


def _marked(mark: str) -> Iterator[int]:
    if not hasattr(os, "pidfd_open") or not _PROC.is_dir():
        return
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _has_mark(entry.name, mark):
            yield int(entry.name)


def _has_mark(pid: int | str, mark: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:  # it has ended, or belongs to another user
        return False
    return f"{VARIABLE}={mark}".encode() in environment.split(b"\0")


def _kill(pid: int, mark: str) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if _has_mark(pid, mark):  # once more: the number may have been given to another process
            with suppress(OSError):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)
