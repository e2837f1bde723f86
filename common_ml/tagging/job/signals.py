"""Graceful shutdown on SIGTERM and SIGINT, also while a model call is under way."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from signal import getsignal, set_wakeup_fd  # bound here, as is the next: a model may replace them
from signal import signal as set_handler
from time import monotonic  # bound here: a model may replace `time.monotonic`
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from common_ml.tagging.job.child_processes import kill_processes
from common_ml.tagging.job.log import write_to_stderr
from common_ml.tagging.job.signal_listener import STOP_SIGNALS, SignalListener
from common_ml.tagging.job.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_MAX_WRITE_SECONDS = 0.3
_REARM_SECONDS = 0.05


class StopRequested(BaseException):
    """The process was asked to stop; raised between frames or messages.

    Not a subclass of Exception, like KeyboardInterrupt: it is not the failure of a file.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.status = 128 + signal_number
        """The exit status for the signal: 128 + its number."""


class InterruptibleWork(Protocol):
    """Work that can be stopped."""

    @property
    def output_lock(self) -> threading.Lock:
        """Held while a line is written."""

    def interrupt(self) -> None:
        """Interrupt a wait; called in a signal handler, so it must not take locks."""

    def shutdown_summary(self) -> str:
        """Return a summary of finished and unfinished files, without side effects."""


class GracefulShutdown:
    """Graceful shutdown of the process: the stop request and the work to stop; one per process."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        """The signal that requested the stop."""
        self._is_handled = False  # set by the main thread
        self._armed_at = 0.0
        self._works: list[InterruptibleWork] = []  # innermost last
        self._wakeup = Wakeup()
        self._handlers: _Handlers | None = None

    def raise_if_stopped(self) -> None:
        """Raise if the process was asked to stop.

        Raises:
            StopRequested: the process was asked to stop.
        """
        if self.signal_number is not None:
            raise StopRequested(self.signal_number)

    def wait(self, seconds: float) -> None:
        """Sleep until the time is over or a signal arrives.

        Raises:
            StopRequested: the process was asked to stop.
        """
        self._wakeup.wait(seconds)
        self.raise_if_stopped()

    @contextmanager
    def capture_signals(self, work: InterruptibleWork | None = None) -> Iterator[None]:
        """Let SIGTERM and SIGINT stop `work` inside the block, also as PID 1.

        Without `work` they end the program, unless a nested block has any. Outside the main thread,
        where Python allows no handlers, this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        if work is not None:
            self._works.append(work)
        is_outermost = self._handlers is None
        if self._handlers is None:
            self._handlers = _Handlers(self)
        try:
            yield
        finally:
            if self.signal_number is None:  # otherwise the handlers stay until the process ends
                if work is not None:
                    self._works.remove(work)
                if is_outermost and self._handlers is not None:
                    self._handlers.close()
                    self._handlers = None

    def rearm(self) -> None:
        """Reinstall our handlers if a library has replaced them.

        asyncio, for example, resets the wake-up descriptor and its handlers to the system's
        defaults, by which PID 1 ignores SIGTERM.
        """
        if self._handlers is not None and threading.current_thread() is threading.main_thread():
            self._handlers.install()
            self._armed_at = monotonic()

    def rearm_now_and_then(self) -> None:
        """Call `rearm` at intervals, not for each of many short files."""
        if monotonic() > self._armed_at + _REARM_SECONDS:
            self.rearm()

    def handle(self, number: int) -> None:
        """Handle a signal, in the main thread."""
        if self._is_handled:
            return  # a second signal: the listening thread ends the process
        self._is_handled = True
        self.signal_number = number
        atexit.register(self._exit_promptly)  # runs before all exit functions registered earlier
        if not self._works:  # the program is still starting, such as loading weights
            raise SystemExit(128 + number)
        self._works[-1].interrupt()
        self._wakeup.set()

    def exit_now(self, number: int, reason: str) -> NoReturn:
        """End the process between two output lines, regardless of the main thread."""
        work = self._works[-1] if self._works else None
        try:
            summary = work.shutdown_summary() if work else "no file was begun"
            write_to_stderr(f"{signal.Signals(number).name}, {reason}: {summary}")
        finally:
            if work is not None:  # never released: no other line can begin
                work.output_lock.acquire(timeout=_MAX_WRITE_SECONDS)
            with suppress(Exception):  # a library's own kind of process may raise anything
                kill_processes()
            os._exit(128 + number)

    def before_fork(self) -> None:
        """Block signals: one that arrives before the child has its handlers would be lost."""
        if self._handlers is not None:
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

    def after_fork_in_parent(self) -> None:
        """Unblock signals."""
        if self._handlers is not None:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def after_fork_in_child(self) -> None:
        """Restore the program's original signal handlers in the child."""
        if self._handlers is not None:
            atexit.unregister(self._exit_promptly)
            self._handlers.restore(wakeup=-1)
            self._handlers = None
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _exit_promptly(self) -> None:
        """Run the program's exit functions, then end the process.

        The teardown of the interpreter and its libraries, which would follow, may take seconds
        (torch, a busy machine), and the listening thread cannot end it: it does not run any more.
        """
        atexit.unregister(self._exit_promptly)
        atexit._run_exitfuncs()
        exit_flushed(128 + (self.signal_number or 0))


def exit_flushed(status: int) -> NoReturn:
    """Flush the standard streams and end the process at once."""
    with suppress(Exception):  # the program's own log handlers may raise anything
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):  # its reader is gone, or it is closed
                stream.flush()
    os._exit(status)


class _Handlers:
    """The handlers of both signals, and the thread that hears of them at once.

    Python runs a handler only between two bytecodes of the main thread, and a native call of a
    model may take a minute. The C-level handler writes the signal number to the wake-up descriptor
    at once: the thread ends the process after the grace time, or on a second signal.
    """

    def __init__(self, shutdown: GracefulShutdown) -> None:
        self._shutdown = shutdown
        self._former: dict[signal.Signals, Any] = {
            number: getsignal(number) for number in STOP_SIGNALS
        }
        self._listener = self._new_listener()
        self._former_wakeup = self._take_wakeup()
        self.install()

    def install(self) -> None:
        for number in STOP_SIGNALS:  # each time: native code replaces handlers unknown to Python
            set_handler(number, self._handle)
        if not self._listener.is_intact:  # the model has closed or replaced its descriptors
            try:
                self._listener = self._new_listener()
            except OSError:
                return  # no descriptor is left: the handlers alone hear of signals
        foreign = self._take_wakeup()
        if foreign not in (-1, self._listener.descriptor):
            with suppress(OSError):  # a duplicate: after its owner closes it, the number may be
                self._listener.forward_to = os.dup(foreign)  # reused for another file

    def close(self) -> None:
        self.restore(wakeup=self._former_wakeup)
        self._listener.close()

    def restore(self, *, wakeup: int) -> None:
        for number, handler in self._former.items():
            if getsignal(number) == self._handle:  # otherwise a library has replaced it
                set_handler(number, handler)
        try:
            set_wakeup_fd(wakeup)
        except (OSError, ValueError):  # the model has closed it
            set_wakeup_fd(-1)

    def _new_listener(self) -> SignalListener:
        return SignalListener(self._note, self._shutdown.exit_now)

    def _note(self, number: int) -> None:
        self._shutdown.signal_number = number  # a model may poll it before the main thread reacts

    def _take_wakeup(self) -> int:
        """Let the C-level handler write to the listener; return the descriptor before."""
        return set_wakeup_fd(self._listener.descriptor, warn_on_full_buffer=False)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of handlers
        if not self._listener.is_intact or self._take_wakeup() != self._listener.descriptor:
            self._listener.hear(number)  # the C-level handler has written to another descriptor
        self._shutdown.handle(number)
