"""Child process with a non-blocking stdin; its stdout and stderr go to files."""

from __future__ import annotations

import os
import queue
import select
import signal
import subprocess
import threading
import uuid
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from common_ml.runtime import descendants, orphans
from common_ml.runtime.captured import Captured
from common_ml.runtime.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from common_ml.types import StrPath

_FEEDER_SECONDS = 1.0


class Child:
    """A program in its own session, out of reach of the terminal's Ctrl-C.

    Its process group is killed when it ends, and it is stopped when this process ends.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        cwd: StrPath | None,
        env: Mapping[str, str] | None,
        log: Path | None = None,
        cleanup_command: Sequence[str] = (),
    ) -> None:
        """Start the program.

        Args:
            command: The program and its arguments.
            folder: Gets `stdout.txt`, `stderr.txt` and a record of the process.
            cwd: Its working directory; None for that of this process.
            env: Its whole environment; None for that of this process.
            log: A file that its stderr is appended to, and that stays; None for one in the folder.
            cleanup_command: Ends it where killing its processes does not suffice: removes a
                container.

        Raises:
            OSError: it cannot be started.
        """
        self._stdout = Captured(folder / "stdout.txt")
        self._stderr = Captured(log or folder / "stderr.txt")
        self._temporary = [self._stdout.path, *([] if log else [self._stderr.path])]
        # the processes of a container end with it, and those of its engine must not be killed
        self._mark = "" if cleanup_command else uuid.uuid4().hex
        environment = dict(os.environ if env is None else env)
        if self._mark:
            environment[descendants.VARIABLE] = self._mark
        self._guard = Guard(folder, cleanup_command)
        try:
            with self._stdout.path.open("ab") as stdout, self._stderr.path.open("ab") as stderr:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=cwd,
                    env=environment,
                    start_new_session=True,
                )
        except BaseException:
            self._guard.release()
            raise
        self._guard.watch(self.pid)
        orphans.note_tagger(folder, self.pid, mark=self._mark, cleanup_command=cleanup_command)
        self._end_descriptor = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else -1
        self._reaping = threading.Lock()
        # A pipe holds 64 KB: a direct write would block while the tagger does not read.
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._feeder = threading.Thread(target=self._feed, name="tagger stdin", daemon=True)
        self._feeder.start()

    @property
    def pid(self) -> int:
        """The process id, which is also that of the process group."""
        return self._process.pid

    @property
    def end_descriptors(self) -> tuple[int, ...]:
        """Descriptors that become readable when it ends; empty where the system has none."""
        return (self._end_descriptor,) if self._end_descriptor >= 0 else ()

    @property
    def exit_status(self) -> int | None:
        """None while it runs; -N if signal N ended it."""
        with self._reaping:
            if self._process.returncode is None and self._end_descriptor >= 0:
                if not _is_readable(self._end_descriptor, 0):
                    return None
                self._kill_group()  # before the pid can be reused
            return self._process.poll()

    @property
    def stdout(self) -> str:
        """Its stdout so far."""
        return self._stdout.text()

    @property
    def stderr(self) -> str:
        """Its stderr so far."""
        return self._stderr.text()

    @property
    def captured(self) -> list[Path]:
        """The temporary files that hold what it writes to stdout and stderr."""
        return self._temporary

    def stderr_since(self, offset: int) -> bytes:
        """Return its stderr after the first `offset` bytes, as far as it is kept."""
        return self._stderr.since(offset)

    def stderr_end(self, num_bytes: int) -> str:
        """The last bytes of stderr."""
        return self._stderr.text(last_bytes=num_bytes)

    @property
    def stderr_tail(self) -> str:
        """The last lines of stderr."""
        return self._stderr.last_lines()

    def write(self, data: bytes) -> None:
        """Write bytes to its stdin in the background."""
        self._lines.put(data)

    def close_input(self) -> None:
        """Close its stdin after all that was written."""
        self._lines.put(None)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process itself; nothing happens once it has ended."""
        self._process.send_signal(number)

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Wait for its end: the exit status, or None if it still runs then."""
        if self._end_descriptor >= 0 and self._process.returncode is None:
            _is_readable(self._end_descriptor, timeout_seconds)
            return self.exit_status
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """Kill it and its descendants."""
        if self._process.returncode is None:
            self._kill_group()
        self.wait()

    def close(self) -> None:
        """Release the process, thread and descriptors; its output stays readable."""
        if self.exit_status is None:
            self.kill()
        self._guard.release()
        if self._mark:
            descendants.kill_marked(self._mark)
        self.close_input()
        # not for ever: what the program left behind may hold the other end, and never read it
        self._feeder.join(_FEEDER_SECONDS)
        if self._end_descriptor >= 0:
            os.close(self._end_descriptor)
            self._end_descriptor = -1
        self._stdout.keep()
        self._stderr.keep()

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

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


def _is_readable(descriptor: int, timeout_seconds: float | None) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(None if timeout_seconds is None else round(timeout_seconds * 1000)))
