"""Signal handlers of jobs: graceful shutdown on the first signal, abort on the second."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Stoppable(Protocol):
    """Protocol of a job that can be stopped."""

    def stop(self) -> None:
        """Request a stop, and return at once; safe in a signal handler."""


@contextmanager
def stopped_by_signals(job: Stoppable, print_line: Callable[[str], object]) -> Iterator[list[int]]:
    """Stop a job gracefully on the first Ctrl-C or SIGTERM, abort on the second.

    Args:
        job: The job to stop.
        print_line: Prints a line to the user.

    Yields:
        A list of the signals received so far.
    """
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        if received:
            raise KeyboardInterrupt
        received.append(number)
        job.stop()
        with suppress(RuntimeError):  # of a stream that is in the middle of another line
            print_line("stopping; press Ctrl-C again to stop at once")

    for number in numbers:
        signal.signal(number, stop)
    try:
        yield received
    finally:
        for number in numbers:
            signal.signal(number, before[number])


@contextmanager
def cleaned_up_on_sigterm() -> Iterator[None]:
    """Clean up on SIGTERM as on Ctrl-C, and exit with the signal's status."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_IGN)  # one is enough
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
