"""Supervisor of worker child processes: start, restart, graceful stop."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from common_ml.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from typing_extensions import Self

_PAUSE = Backoff(first_seconds=0.5, longest_seconds=30)
_HEALTHY_SECONDS = 60.0
_LOOK_SECONDS = 0.2
logger = logging.getLogger(__name__)


class WorkerProcesses:
    """Runs several `common-ml worker` processes; a context manager that stops them on exit.

    The stdin of each is a pipe from this process: however this process ends, its workers see
    end-of-file and stop.
    """

    def __init__(self, arguments: Sequence[str], *, number: int = 1) -> None:
        """Initialise; nothing is started yet.

        Args:
            arguments: Arguments of `common-ml worker`.
            number: Number of processes.
        """
        self._command = [
            sys.executable,
            "-m",
            "common_ml",
            "worker",
            "--until-stdin-closes",
            *arguments,
        ]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * number
        self._started = [0.0] * number
        self._failures = [0] * number
        self._due = [0.0] * number
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="workers", daemon=True)

    def __enter__(self) -> Self:
        for place in range(len(self._processes)):
            self._start(place)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """Process ids of the running workers."""
        running = [process for process in self._processes if process is not None]
        return [process.pid for process in running if process.poll() is None]

    def stop(self, *, grace_seconds: float = 20) -> None:
        """Stop the workers gracefully within their grace period, and wait for their end."""
        self._stop.set()
        self._thread.join()
        for process in self._processes:
            if process is not None and process.stdin is not None:
                process.stdin.close()
        deadline = time.monotonic() + grace_seconds
        for process in self._processes:
            if process is None:
                continue
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _supervise(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            for place, process in enumerate(self._processes):
                if process is not None and process.poll() is not None:
                    self._note_end(place, process)
                if self._processes[place] is None and time.monotonic() >= self._due[place]:
                    self._start(place)

    def _note_end(self, place: int, process: subprocess.Popen[bytes]) -> None:
        lived = time.monotonic() - self._started[place]
        self._failures[place] = 1 if lived > _HEALTHY_SECONDS else self._failures[place] + 1
        pause = _PAUSE.delay_seconds(self._failures[place])
        logger.warning(
            "a worker ended with status %s; restarting it in %.1f s", process.returncode, pause
        )
        if process.stdin is not None:
            process.stdin.close()
        self._processes[place], self._due[place] = None, time.monotonic() + pause

    def _start(self, place: int) -> None:
        # a session of its own: Ctrl-C reaches the server alone, which ends them in order
        self._processes[place] = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, start_new_session=True
        )
        self._started[place] = time.monotonic()
