"""Where the time of a thread goes, stage by stage, while somebody measures it."""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

Stage = Literal["decode", "model", "write", "idle", "other"]
"""decode: frames, pictures and sound are waited for. model: the author's code runs. write: messages
go to the output. idle: no file is there to be tagged. other: what is in none of these."""
STAGES: tuple[Stage, ...] = ("decode", "model", "write", "idle", "other")

Given = ParamSpec("Given")
Result = TypeVar("Result")
Item = TypeVar("Item")


class Stopwatch:
    """Adds up the time of the thread that makes it; a stage within another counts for itself alone.

    So the seconds of all stages are the time from the making on, with nothing left and nothing
    twice. What other threads do meanwhile is not looked at.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start, in the stage `other`.

        Args:
            clock: Seconds, from any point on.
        """
        self.counts: Counter[str] = Counter()
        """How often something was tallied."""
        self._clock = clock
        self._thread = threading.get_ident()
        self._stages: list[Stage] = ["other"]
        self._seconds: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)
        self._since = clock()

    @contextmanager
    def within(self, stage: Stage) -> Iterator[None]:
        """The time of this block goes to `stage`."""
        if threading.get_ident() != self._thread:
            yield
            return
        self._lap()
        self._stages.append(stage)
        try:
            yield
        finally:
            self._lap()
            self._stages.pop()

    def seconds(self) -> dict[Stage, float]:
        """The time in each stage up to now."""
        if threading.get_ident() == self._thread:
            self._lap()
        return dict(self._seconds)

    def _lap(self) -> None:
        now = self._clock()
        self._seconds[self._stages[-1]] += now - self._since
        self._since = now


class _Process:
    """A daemon is alone in its process."""

    stopwatch: Stopwatch | None = None


@contextmanager
def measured_by(stopwatch: Stopwatch) -> Iterator[None]:
    """While it is open, the stages of this process are measured; else they cost next to nothing."""
    before, _Process.stopwatch = _Process.stopwatch, stopwatch
    try:
        yield
    finally:
        _Process.stopwatch = before


def within(stage: Stage) -> AbstractContextManager[None]:
    """The time of this block goes to `stage`."""
    stopwatch = _Process.stopwatch
    return nullcontext() if stopwatch is None else stopwatch.within(stage)


def tally(what: str, number: int = 1) -> None:
    """Count something."""
    if _Process.stopwatch is not None:
        _Process.stopwatch.counts[what] += number


def called(
    stage: Stage, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    """What `function` returns; its time goes to `stage`, and that of an iterator it returns too."""
    if _Process.stopwatch is None:
        return function(*args, **kwargs)
    with _Process.stopwatch.within(stage):
        result = function(*args, **kwargs)
    if isinstance(result, Iterator):
        return cast("Result", iterated(stage, result))
    return result


def iterated(stage: Stage, items: Iterator[Item]) -> Iterator[Item]:
    """The same items; the time that taking each of them costs goes to `stage`."""
    return items if _Process.stopwatch is None else _taken_within(stage, items)


def timed(stage: Stage, function: Callable[Given, Result]) -> Callable[Given, Result]:
    """The same function; its time goes to `stage`, if the stages are measured by now."""
    if _Process.stopwatch is None:
        return function  # not a step more: it may be called a million times
    return part_of(stage)(function)


def part_of(stage: Stage) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Decorates a function whose time goes to `stage`, as that of `called` does."""

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @functools.wraps(function)
        def measured(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            return called(stage, function, *args, **kwargs)

        return measured

    return decorate


def _taken_within(stage: Stage, items: Iterator[Item]) -> Iterator[Item]:
    stopwatch = _Process.stopwatch
    assert stopwatch is not None  # noqa: S101 - the caller has looked
    try:
        while True:
            with stopwatch.within(stage):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:  # a generator that is left early tidies up at once
            with stopwatch.within(stage):
                close()
