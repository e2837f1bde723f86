"""End the process after the daemon, even if threads or exit functions hang."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from common_ml.tagging.job.child_processes import kill_processes, running_processes
from common_ml.tagging.job.log import SafeLogger
from common_ml.tagging.job.signals import exit_flushed

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = "common-ml-exit"

logger = SafeLogger(__name__)


@contextmanager
def watch_exit(grace_seconds: float) -> Iterator[None]:
    """End the process at most `grace_seconds` after its main thread, if it has run this block.

    All output is written by then. The exit status is 0, that of a SystemExit that left the block,
    or 1 after another exception. Processes that were started with `multiprocessing` end, too.

    Args:
        grace_seconds: Time limit for the threads and exit functions of the program.
    """
    watch = _started_watch()
    status = 1
    try:
        yield
        status = 0
    except SystemExit as error:
        if isinstance(error.code, int):
            status = error.code
        raise
    finally:
        _drop_broken_streams()
        if watch is not None:
            watch.arm(status, grace_seconds)


def _started_watch() -> _ExitWatch | None:
    """Return the thread that watches, which is started before the work: later none may start."""
    if threading.current_thread() is not threading.main_thread():
        return None
    for thread in threading.enumerate():
        if isinstance(thread, _ExitWatch):
            return thread
    watch = _ExitWatch()
    try:
        watch.start()
    except RuntimeError as error:  # "can't start new thread": a limit of processes
        logger.warning("threads that do not end will hold the process: %s", error)
        return None
    return watch


def _drop_broken_streams() -> None:
    """Take away standard streams that cannot be flushed: Python would exit with status 120."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            if stream is not None:
                stream.flush()
        except Exception:  # noqa: BLE001 - the model's own class may raise anything
            setattr(sys, name, None)


class _ExitWatch(threading.Thread):
    """Wait for the end of the program, then for that of the process."""

    def __init__(self) -> None:
        super().__init__(name=_NAME, daemon=True)
        self._status = 0
        self._grace_seconds = 0.0
        self._is_armed = False
        self._program_ended = threading.Event()

    def arm(self, status: int, grace_seconds: float) -> None:
        """Note how the work has ended; may be called again.

        Args:
            status: Exit status for a process that has to be ended.
            grace_seconds: Seconds that it may take after its main thread.
        """
        self._status, self._grace_seconds = status, grace_seconds
        if not self._is_armed:
            self._is_armed = True
            # Private, but without a substitute: concurrent.futures registers the join of its pools
            # in the same way; they run before the main thread counts as ended, so `join` would
            # miss them. Not earlier: what is registered last is called first.
            threading._register_atexit(self._program_ended.set)  # type: ignore[attr-defined] # private

    def run(self) -> None:
        self._program_ended.wait()
        time.sleep(
            min(self._grace_seconds, threading.TIMEOUT_MAX)
        )  # the process usually ends during it
        threads = [
            thread.name
            for thread in threading.enumerate()
            if not thread.daemon and thread is not threading.main_thread()
        ]
        processes = [process.name for process in running_processes()]
        held_by = [
            f"{what} still run: {', '.join(names)}"
            for what, names in (("threads", threads), ("processes", processes))
            if names
        ]
        logger.warning(
            "the process has not ended within %g s after its work, and is ended now; %s",
            self._grace_seconds,
            "; ".join(held_by) or "an exit function hangs",
        )
        kill_processes()
        exit_flushed(self._status)
