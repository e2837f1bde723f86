"""Clean up orphans of killed runtimes: taggers, containers and temporary folders."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.runtime.descendants import kill_marked

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER_PREFIX = "common-ml-tagger-"
_RECORD = "owner.json"
_COMMAND_SECONDS = 60


@dataclass(frozen=True)
class ProcessId:
    """Identity of a process, safe against reuse of its pid."""

    pid: int
    started: int | None
    """Start time in clock ticks since boot; None where the system does not report it."""

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Return the identity of a running process."""
        return cls(pid, _start_of(pid))

    @property
    def is_alive(self) -> bool:
        """Whether this process still exists."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # another user's process
        return self.started is None or _start_of(self.pid) == self.started


def note_tagger(folder: Path, pid: int, *, mark: str, cleanup_command: Sequence[str]) -> None:
    """Record the owner of a temporary folder, for `clean_up` after a crash.

    Args:
        folder: The tagger's folder.
        pid: The tagger's process.
        mark: See `descendants`.
        cleanup_command: Removes its container; empty for a process.
    """
    record = {
        "runtime": asdict(ProcessId.of(os.getpid())),
        "tagger": asdict(ProcessId.of(pid)),
        "mark": mark,
        "last_command": list(cleanup_command),
    }
    (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")


def clean_up(parent: Path) -> list[Path]:
    """Kill the taggers, and remove the folders, of this user's runtimes that no longer exist.

    Args:
        parent: Where the folders are, such as the system's temporary directory.

    Returns:
        The folders that were removed.
    """
    removed = []
    for folder in parent.glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError, ValueError, TypeError, KeyError):  # foreign, or just being created
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            if ProcessId(**record["runtime"]).is_alive:
                continue
            _end(ProcessId(**record["tagger"]), str(record["mark"]), list(record["last_command"]))
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def _end(tagger: ProcessId, mark: str, cleanup_command: list[str]) -> None:
    if tagger.is_alive:
        with suppress(OSError):
            os.killpg(tagger.pid, signal.SIGKILL)
    if mark:
        kill_marked(mark)
    if cleanup_command:
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                cleanup_command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_COMMAND_SECONDS,
                check=False,
            )


def _start_of(pid: int) -> int | None:
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    return int(fields.rpartition(b")")[2].split()[19])  # the name before it may hold anything
