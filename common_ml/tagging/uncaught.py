"""An uncaught exception of the program becomes an `error` line, and the status says so."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from contextlib import ContextDecorator
from typing import TYPE_CHECKING

from common_ml.errors import OutputError, describe
from common_ml.tagging.messages import Error
from common_ml.tagging.stopping import SignalWatch
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Literal, TypeGuard

logger = logging.getLogger(__name__)


def report(error: BaseException, output_path: str | os.PathLike[str] | None) -> None:
    """Append an `error` line about `error`, unless the output has one or there is no output."""
    if output_path is None or getattr(error, "reported", False):
        return
    try:
        with Writer(output_path) as writer:
            writer.write(Error(message=describe(error)))
    except OutputError as failure:
        logger.error("the user will not see the error, %s", failure)  # noqa: TRY400 - its message is all
        return
    error.reported = True  # type: ignore[attr-defined] # any exception takes an attribute


class ErrorCatcher(ContextDecorator):
    """Tells the user about what nobody caught, in any thread; see `run_helpers.catch_errors`.

    It works from its making on, for the rest of the program; as a context manager only until the
    end of its block, or of the threads that the block leaves behind. Tracebacks go to stderr as
    ever.
    """

    def __init__(self, output_path: str | os.PathLike[str] | None) -> None:
        self._output_path = output_path
        self._thread_failed = False
        self._before = (sys.excepthook, threading.excepthook)
        self._watch = SignalWatch().__enter__()  # a program that still prepares stops, too
        sys.excepthook = self._on_uncaught
        threading.excepthook = self._on_uncaught_in_thread

    def __enter__(self) -> ErrorCatcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        # sys.exit("weights are missing") says why; sys.exit(3) does not
        if isinstance(error, Exception) or _says_why(error):
            report(error, self._output_path)
        sys.excepthook = self._before[0]
        if not _has_other_threads():  # else Python waits for them, and they may fail still
            threading.excepthook = self._before[1]
        self._watch.__exit__(kind, error, traceback)
        return False

    def _on_uncaught(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):  # a KeyboardInterrupt is a wish, not an error
            report(error, self._output_path)
        self._before[0](kind, error, traceback)

    def _on_uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, Exception):
            report(args.exc_value, self._output_path)
            if not self._thread_failed:
                self._thread_failed = True
                atexit.register(_end_with_failure)
        self._before[1](args)


def _has_other_threads() -> bool:
    """Whether the end of the program waits for other threads than this one."""
    here = threading.current_thread()
    return any(thread is not here and not thread.daemon for thread in threading.enumerate())


def _says_why(error: BaseException | None) -> TypeGuard[SystemExit]:
    return isinstance(error, SystemExit) and isinstance(error.code, str)


def _end_with_failure() -> None:
    """Leave with status 1 though the main thread has ended well: Python has no gentler way."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(1)
