"""A child process and its pipes: lines in without ever waiting, stdout and stderr into files."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_TAIL_BYTES = 4_000
_TAIL_LINES = 20
_KEPT_BYTES = 1 << 20
_FEEDER_SECONDS = 1.0


class Child:
    """A program that runs in a session of its own: a Ctrl-C of the terminal does not reach it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
    ) -> None:
        """Start it.

        Args:
            command: The program and its arguments.
            folder: Gets `stdout.txt` and `stderr.txt`.
            cwd: Its working directory; None for ours.
            env: Its whole environment; None for ours.

        Raises:
            OSError: it cannot be started.
        """
        self._stdout, self._stderr = _Said(folder / "stdout.txt"), _Said(folder / "stderr.txt")
        with self._stdout.path.open("wb") as stdout, self._stderr.path.open("wb") as stderr:
            self._process = subprocess.Popen(  # noqa: S603 - to start programs is what this is for
                list(command),
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                cwd=cwd,
                env=None if env is None else dict(env),
                start_new_session=True,
            )
        # A pipe holds 64 KB: whoever wrote to it here would wait for a tagger that does not read.
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._feeder = threading.Thread(target=self._feed, name="tagger stdin", daemon=True)
        self._feeder.start()

    @property
    def pid(self) -> int:
        """Its process id, which is its process group's as well."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """None while it runs; -N if signal N ended it."""
        return self._process.poll()

    @property
    def stdout(self) -> str:
        """All that it wrote to stdout so far."""
        return self._stdout.text()

    @property
    def stderr(self) -> str:
        """All that it wrote to stderr so far."""
        return self._stderr.text()

    @property
    def stderr_tail(self) -> str:
        """The last lines of stderr."""
        end = self._stderr.text(last_bytes=_TAIL_BYTES)
        return "\n".join(end.rstrip().splitlines()[-_TAIL_LINES:])

    def write(self, data: bytes) -> None:
        """Send bytes to its stdin, in the background."""
        self._lines.put(data)

    def close_input(self) -> None:
        """End its stdin, behind all that was written."""
        self._lines.put(None)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process itself; nothing happens once it has ended."""
        self._process.send_signal(number)

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Wait for its end: the exit status, or None if it still runs then."""
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it, and all that it started, at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """Leave nothing behind: no process, no thread, no descriptor; what it said can be read."""
        if self._process.poll() is None:
            self.kill()
        self.close_input()
        # not for ever: what the program left behind may hold the other end, and never read it
        self._feeder.join(_FEEDER_SECONDS)
        self._stdout.keep()
        self._stderr.keep()

    def _feed(self) -> None:
        stdin = self._process.stdin
        if stdin is None:
            return
        try:
            while (data := self._lines.get()) is not None:
                _write(stdin, data)
        except BrokenPipeError:
            pass  # it has ended: its status says what happened
        finally:
            with suppress(BrokenPipeError):
                stdin.close()


def _write(stdin: IO[bytes], data: bytes) -> None:
    stdin.write(data)
    stdin.flush()


class _Said:
    """What a program says, in a file; in memory once the file has to go."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: bytes | None = None

    def text(self, *, last_bytes: int | None = None) -> str:
        data = self._kept
        if data is None:
            with self.path.open("rb") as file:
                if last_bytes is not None:
                    file.seek(max(0, file.seek(0, os.SEEK_END) - last_bytes))
                data = file.read()
        return (data if last_bytes is None else data[-last_bytes:]).decode(errors="replace")

    def keep(self) -> None:
        """The end of it is enough: nobody asks for more when all is over."""
        with self.path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _KEPT_BYTES))
            self._kept = file.read()
