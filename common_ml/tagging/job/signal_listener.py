"""A thread that hears of signals at once, while the main thread may be in a native call."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from time import monotonic, sleep  # bound here: a model may replace `time.monotonic`
from typing import TYPE_CHECKING, NoReturn

from common_ml.tagging.job.own_descriptor import OwnDescriptor
from common_ml.tagging.job.readiness import wait_readable

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_SECONDS = 1.0
"""Time for the work to react to the request; then a thread ends the process."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_CLOSE = b"\0"  # not a signal number


class SignalListener:
    """Read signal numbers from a pipe, whose write end is Python's wake-up descriptor.

    The pipe receives the number of every signal with a Python handler, such as the SIGCHLD of
    torch's DataLoader: only SIGTERM and SIGINT count. The others are forwarded to the previous
    wake-up descriptor.
    """

    def __init__(
        self, on_first: Callable[[int], None], exit_now: Callable[[int, str], NoReturn]
    ) -> None:
        """Start to listen.

        Args:
            on_first: Called with the number of the first stop signal.
            exit_now: Ends the process, after a second one or the grace time; gets the number of
                the first and the reason.
        """
        self._on_first = on_first
        self._exit_now = exit_now
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        self._read_end, self._write_end = OwnDescriptor.of(read_end), OwnDescriptor.of(write_end)
        self._unread = bytearray()
        self.forward_to = -1
        """The descriptor that gets the numbers of other signals; -1 for none."""
        self._thread = threading.Thread(target=self._listen, name="common-ml-signals", daemon=True)
        self._thread.start()

    @property
    def descriptor(self) -> int:
        """Where to write the number of a signal."""
        return self._write_end.number

    @property
    def is_intact(self) -> bool:
        """Whether signals are heard: a model may close or replace any descriptor."""
        return self._write_end.is_intact and self._read_end.is_intact

    def hear(self, number: int) -> None:
        """Tell the thread of a signal."""
        if self._write_end.is_intact:
            os.write(self._write_end.number, bytes([number]))

    def close(self) -> None:
        """End the thread, unless it does not hear any more."""
        if self.is_intact:
            os.write(self._write_end.number, _CLOSE)
            self._thread.join()
        self._write_end.close()
        self._read_end.close()
        if self.forward_to >= 0:
            with suppress(OSError):  # somebody else has closed it
                os.close(self.forward_to)

    def _listen(self) -> None:
        with suppress(OSError):  # the pipe was closed by a model; `install` makes another one
            number = self._next_stop_signal(timeout_seconds=None)
            if number is None:
                return
            self._on_first(number)
            reason = f"no step of the work within {GRACE_SECONDS} s"
            try:
                if self._next_stop_signal(timeout_seconds=GRACE_SECONDS):
                    reason = "a second signal"
            except OSError:
                sleep(GRACE_SECONDS)
            self._exit_now(number, reason)

    def _next_stop_signal(self, *, timeout_seconds: float | None) -> int | None:
        """Return the next stop signal; None on timeout or close."""
        end = None if timeout_seconds is None else monotonic() + timeout_seconds
        while True:
            while self._unread:
                number = self._unread.pop(0)
                if number == _CLOSE[0]:
                    return None
                self._forward(number)
                if number in STOP_SIGNALS:
                    return number
            left_seconds = None if end is None else max(0.0, end - monotonic())
            if not wait_readable(self._read_end.number, timeout_seconds=left_seconds):
                return None
            read = os.read(self._read_end.number, 256)
            if not read:
                raise OSError("the descriptor was replaced")
            self._unread += read

    def _forward(self, number: int) -> None:
        if self.forward_to >= 0:
            with suppress(OSError):  # its reader is gone
                os.write(self.forward_to, bytes([number]))
