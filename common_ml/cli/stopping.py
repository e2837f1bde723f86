"""Stop a job on signals: gracefully on the first, at once on the second."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Stoppable(Protocol):
    """A job that ends early when it is asked to."""

    def stop(self) -> None:
        """Ask it to stop, and return at once; safe in a signal handler."""


@contextmanager
def stopped_by_signals(job: Stoppable, print_line: Callable[[str], object]) -> Iterator[list[int]]:
    """Stop a job on the first Ctrl-C or SIGTERM, everything on the second.

    Args:
        job: What is stopped.
        print_line: Prints a line to the user.

    Yields:
        The number of the signal that has come, if one has.
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
    """End on SIGTERM as on Ctrl-C: through all that cleans up, and with the signal's status."""

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        signal.signal(number, signal.SIG_IGN)  # one is enough
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
