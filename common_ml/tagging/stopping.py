"""The wish to stop: SIGTERM and SIGINT, heard even while a model call is under way."""

from __future__ import annotations

import atexit
import logging
import os
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, NoReturn, Protocol

if TYPE_CHECKING:
    from types import FrameType, TracebackType

GRACE_SECONDS = 1.0
"""How long the work may take to notice the wish; then the process is ended from outside it."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MAX_WRITE_SECONDS = 0.3
_CLOSE = b"\0"  # not the number of a signal


class Stopped(BaseException):
    """Raised between two frames or messages, once the process is asked to stop.

    Not an Exception, for the reason that KeyboardInterrupt is none: nobody is to take it for the
    failure of a file.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.status = 128 + signal_number
        """The exit status that tells of the signal."""


class Work(Protocol):
    """What is to be stopped."""

    def interrupt(self) -> None:
        """Wake it, where it sleeps; called in a signal handler, so it may not take locks."""

    def is_writing(self, frame: FrameType | None) -> bool:
        """Whether the main thread, which runs `frame`, is in the middle of a line."""

    def last_words(self) -> str:
        """What is finished and what is not."""


class _Process:
    """Signals belong to a process, and so does what is known about them."""

    asked: int | None = None
    """The signal that asked to stop."""
    answered: bool = False
    """Whether the main thread has acted on it."""
    works: ClassVar[list[Work]] = []
    """What is being done, innermost last."""
    handlers: _Handlers | None = None


def cancelled() -> bool:
    """Whether the tagger is asked to stop.

    A model whose calls take long may ask now and then and return early: what it returns is not
    written any more.
    """
    return _Process.asked is not None


def check() -> None:
    """Go on, or raise.

    Raises:
        Stopped: the process is asked to stop.
    """
    if _Process.asked is not None:
        raise Stopped(_Process.asked)


class SignalWatch:
    """While it is open, SIGTERM and SIGINT ask `work` to stop, also where the process is PID 1.

    Without `work` they end the program, as long as no other watch inside this one has any. Outside
    the main thread, where Python allows no handlers, it does nothing.
    """

    def __init__(self, work: Work | None = None) -> None:
        self._work = work
        self._installed = False

    def __enter__(self) -> SignalWatch:
        if threading.current_thread() is threading.main_thread():
            if self._work is not None:
                _Process.works.append(self._work)
            if _Process.handlers is None:
                _Process.handlers = _Handlers()
                self._installed = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        if cancelled():
            return  # a process that was asked to stop is watched to its end
        if self._work in _Process.works:
            _Process.works.remove(self._work)
        if self._installed and _Process.handlers is not None:
            _Process.handlers.close()
            _Process.handlers = None


class _Handlers:
    """The handlers of both signals, and the thread that hears of them at once.

    Python runs a handler between two steps of the main thread only, and a model may keep it in one
    step for a minute. But the handler below Python writes the signal to a pipe at once, and the
    thread reads it there: it ends the process after the grace, or at a second signal.
    """

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._former_wakeup = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        self._former = {number: signal.signal(number, _answer) for number in _SIGNALS}
        self._thread = threading.Thread(
            target=_listen, args=(self._read_end,), name="common-ml-signals", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._restore(wakeup=self._former_wakeup)
        os.write(self._write_end, _CLOSE)
        self._thread.join()
        os.close(self._write_end)
        os.close(self._read_end)

    def forget(self) -> None:
        """In a forked child: its signals are its own, and our pipe is not for them."""
        atexit.unregister(_end_promptly)
        self._restore(wakeup=-1)

    def _restore(self, *, wakeup: int) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)


def _answer(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what handlers get
    """The main thread's handler."""
    if _Process.answered:
        return  # a second signal: the listening thread ends the process
    _Process.answered = True
    _Process.asked = number
    atexit.register(_end_promptly)  # it runs before all that were registered earlier
    if not _Process.works:  # the program still prepares: it loads weights, say
        raise SystemExit(128 + number)
    _Process.works[-1].interrupt()


def _end_promptly() -> None:
    """Call what the program has registered for its exit, and leave.

    What comes after that, the interpreter taking itself and its libraries apart, may take seconds
    (torch, a busy machine), and the listening thread cannot end it: it does not run any more.
    """
    atexit.unregister(_end_promptly)
    atexit._run_exitfuncs()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):  # nobody reads it any more
                stream.flush()
    os._exit(128 + (_Process.asked or 0))


def _listen(read_end: int) -> None:
    (number,) = os.read(read_end, 1)
    if number == _CLOSE[0]:
        return
    _Process.asked = number  # a model may ask before the main thread can answer
    again, _, _ = select.select([read_end], [], [], GRACE_SECONDS)
    why = "a second signal" if again else f"no step of the work within {GRACE_SECONDS} s"
    work = _Process.works[-1] if _Process.works else None
    try:
        words = work.last_words() if work else "nothing was begun"
        os.write(2, f"{signal.Signals(number).name}, {why}: {words}\n".encode(errors="replace"))
    finally:
        _exit_between_lines(128 + number, work)


def _exit_between_lines(status: int, work: Work | None) -> NoReturn:
    """End the process, whatever it does, but for writing a line: that is awaited for a moment."""
    sys.setswitchinterval(_MAX_WRITE_SECONDS)  # from here no other thread runs unless we sleep
    deadline = time.monotonic() + _MAX_WRITE_SECONDS
    main = threading.main_thread().ident
    while work and work.is_writing(sys._current_frames().get(main or 0)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.001)
    os._exit(status)


def _before_fork() -> None:
    """Hold signals back: one that came before the child has its own handlers would be lost."""
    if _Process.handlers is not None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _after_fork() -> None:
    if _Process.handlers is not None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


def _after_fork_in_child() -> None:
    if _Process.handlers is not None:
        _Process.handlers.forget()
        _Process.handlers = None
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
)
