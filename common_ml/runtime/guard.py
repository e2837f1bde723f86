"""Watchdog process that stops a tagger when its runtime is killed."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.types import StrPath

_SHELL = "/bin/sh"
_SCRIPT = """
folder=$1
shift
read -r tagger || { rm -rf -- "$folder"; exit 0; }
read -r released && exit 0
kill -TERM "$tagger"
n=0
while [ $n -lt 5 ] && kill -0 "$tagger"; do sleep 1; n=$((n + 1)); done
kill -KILL -- "-$tagger"
rm -rf -- "$folder"
[ $# -eq 0 ] || exec "$@"
"""
"""Reads the tagger's process id, then waits for a line. The end of the pipe without one means that
the runtime has died. A shell needs no Python to start and less than 1 MB of memory."""


class Guard:
    """A watchdog: a small process that outlives this one and cleans up after it.

    If this process ends without `release`, the tagger gets SIGTERM, and its process group SIGKILL
    once it has ended or after five seconds; then its temporary folder is removed. Unlike
    PR_SET_PDEATHSIG that does not depend on the thread that started the tagger.
    """

    def __init__(self, folder: StrPath, cleanup_command: Sequence[str] = ()) -> None:
        """Start the watchdog, before the tagger.

        Args:
            folder: The tagger's temporary folder.
            cleanup_command: Run last, for example to remove a container.
        """
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # no shell: the tagger still ends with its input
            self._process = subprocess.Popen(
                [_SHELL, "-c", _SCRIPT, "common-ml-guard", os.fspath(folder), *cleanup_command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # no Ctrl-C reaches it
            )

    def watch(self, pid: int) -> None:
        """Watch over a process that leads its process group."""
        self._write(b"%d\n" % pid)

    def release(self) -> None:
        """End the watchdog and leave the tagger alone. Idempotent."""
        if self._process is None:
            return
        self._write(b"released\n")
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()
        self._process = None

    def _write(self, line: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.write(line)
                self._process.stdin.flush()
