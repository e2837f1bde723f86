"""Report uncaught exceptions: as an `error` line, and by the exit status."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import traceback as traceback_module
from contextlib import ContextDecorator, ExitStack, suppress
from os import getpid  # bound here: a model may replace `os.getpid`
from typing import TYPE_CHECKING

from common_ml.context import entered
from common_ml.errors import (
    AbortTaggingException,
    OutputError,
    describe_error,
    is_reported,
    mark_reported,
)
from common_ml.tagging.daemon.native_crashes import enable_faulthandler
from common_ml.tagging.job.context import JobContext, current_job
from common_ml.tagging.job.forked_child import (
    is_stray_child,
    leave_if_stray_child,
)
from common_ml.tagging.job.log import SafeLogger, write_to_stderr
from common_ml.tagging.job.signals import exit_flushed
from common_ml.tagging.job.standard_descriptors import open_standard_descriptors
from common_ml.tagging.messages import Error
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Literal, TypeGuard

    from common_ml.types import StrPath

logger = SafeLogger(__name__)


def report(error: BaseException, output_path: StrPath | None) -> None:
    """Append an `error` line, unless the output has one already or there is no output."""
    if output_path is None or is_reported(error):
        return
    try:
        with Writer(output_path, lock=current_job().output_lock) as writer:
            writer.write(Error(message=describe_error(error)))
    except OutputError as failure:
        logger.error("the error does not reach the user, %s", failure)  # noqa: TRY400 - the message suffices
        return
    mark_reported(error)


class ErrorCatcher(ContextDecorator):
    """Report uncaught exceptions of any thread; see `run_helpers.catch_errors`.

    Active from its construction to the end of the program; as a context manager until the end of
    its block and of the threads that outlive it. Tracebacks still go to stderr.
    """

    def __init__(self, output_path: StrPath | None) -> None:
        self._output_path = output_path
        if output_path is not None:
            with suppress(FileNotFoundError):  # of the working directory: it was removed
                # absolute: a model may change the working directory
                self._output_path = os.path.abspath(output_path)
        self._process = getpid()
        self._thread_failed = False
        self._before = (sys.excepthook, threading.excepthook)
        open_standard_descriptors()
        enable_faulthandler()
        job = JobContext(shutdown=current_job().shutdown)
        self._stack = ExitStack()
        self._stack.enter_context(entered(job))
        self._stack.enter_context(job.shutdown.capture_signals())  # while weights load
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
        if error is not None and is_stray_child():
            if _is_failure(error):
                traceback_module.print_exception(kind, error, traceback)
            leave_if_stray_child(status=1)
        # sys.exit("weights are missing") has a message; sys.exit(3) has none
        if error is not None and (_is_failure(error) or _has_reason(error)):
            self._report(error)
        sys.excepthook = self._before[0]
        if isinstance(error, AbortTaggingException) and is_reported(error):
            sys.excepthook = _one_line_for(error, self._before[0])
        if not _has_other_threads():  # otherwise Python waits for them, and they may still fail
            threading.excepthook = self._before[1]
        self._stack.close()
        return False

    def _report(self, error: BaseException) -> None:
        if getpid() == self._process:  # otherwise a child forked by a model: the job goes on
            report(error, self._output_path)

    def _on_uncaught(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if _is_failure(error):
            self._report(error)
        self._before[0](kind, error, traceback)

    def _on_uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and _is_failure(args.exc_value):
            self._report(args.exc_value)
            if not self._thread_failed and getpid() == self._process:
                self._thread_failed = True
                atexit.register(_exit_with_failure)
        self._before[1](args)


def _one_line_for(known: BaseException, otherwise: Callable[..., object]) -> Callable[..., None]:
    """Return an excepthook that prints one line for an error whose cause the log has already."""

    def hook(kind: object, error: BaseException, traceback: object) -> None:
        if error is known:
            write_to_stderr(str(error))
        else:
            otherwise(kind, error, traceback)

    return hook


def _is_failure(error: BaseException) -> bool:
    """Return whether an exception is a failure; panics of Rust are not subclasses of Exception."""
    return not issubclass(type(error), (SystemExit, KeyboardInterrupt, GeneratorExit))


def _has_other_threads() -> bool:
    """Return whether the program has other threads that it waits for at its end."""
    here = threading.current_thread()
    return any(thread is not here and not thread.daemon for thread in threading.enumerate())


def _has_reason(error: BaseException) -> TypeGuard[SystemExit]:
    return issubclass(type(error), SystemExit) and isinstance(error.code, str)  # type: ignore[attr-defined] # a SystemExit


def _exit_with_failure() -> None:
    """Exit with status 1 although the main thread has ended well; Python has no other means."""
    exit_flushed(1)
