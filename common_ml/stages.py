"""Measure the time that a thread spends in each stage of its work."""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, cast

from common_ml.context import current

if TYPE_CHECKING:
    from collections.abc import Callable

Stage = Literal["decode", "model", "write", "idle", "other"]
"""decode: waiting for frames, pictures or sound. model: running the author's code. write: writing
messages to the output. idle: waiting for files. other: everything else."""
STAGES: tuple[Stage, ...] = ("decode", "model", "write", "idle", "other")

Given = ParamSpec("Given")
Result = TypeVar("Result")
Item = TypeVar("Item")


class StageTimeline:
    """How long each stage took in each of equal steps of time, in bounded memory.

    When the steps are used up, two become one: of an hour there are as many as of a minute.
    """

    MAX_STEPS = 400

    def __init__(self, step_seconds: float = 0.01) -> None:
        """Begin with steps of a length that is right for a run of some seconds."""
        self.step_seconds = step_seconds
        self.stages: dict[Stage, list[float]] = {stage: [] for stage in STAGES}
        """Stage -> seconds in each step."""

    def add(self, stage: Stage, start: float, end: float) -> None:
        """Add the time of a stage from `start` to `end`, in seconds since the beginning."""
        while end > self.MAX_STEPS * self.step_seconds:
            self._halve()
        seconds = self.stages[stage]
        step = int(start / self.step_seconds)
        while start < end:
            # by number: a sum of steps would drift
            until = min(end, (step + 1) * self.step_seconds)
            if step >= self.MAX_STEPS:
                step = self.MAX_STEPS - 1
                until = end
            seconds.extend([0.0] * (step + 1 - len(seconds)))
            seconds[step] += max(until - start, 0.0)
            start = until
            step += 1

    def to_json(self) -> dict[str, Any]:
        """Return `bin_seconds`, and of each stage as many numbers as there are steps."""
        count = max(map(len, self.stages.values()))
        return {
            "bin_seconds": self.step_seconds,
            "stages": {
                stage: [round(one, 6) for one in seconds] + [0.0] * (count - len(seconds))
                for stage, seconds in self.stages.items()
            },
        }

    def _halve(self) -> None:
        self.step_seconds *= 2
        for stage, seconds in self.stages.items():
            odd = [*seconds[1::2], 0.0] if len(seconds) % 2 else seconds[1::2]
            self.stages[stage] = [a + b for a, b in zip(seconds[::2], odd, strict=True)]


class Stopwatch:
    """Measure the time per stage of the creating thread; a nested stage pauses the outer one.

    The seconds of all stages add up to the time since its creation. Other threads are not
    measured.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start, in the stage `other`.

        Args:
            clock: Returns seconds since an arbitrary point in time.
        """
        self.counts: Counter[str] = Counter()
        """Name -> count."""
        self._clock = clock
        self._thread = threading.get_ident()
        self._stages: list[Stage] = ["other"]
        self._seconds: dict[Stage, float] = dict.fromkeys(STAGES, 0.0)
        self.timeline = StageTimeline()
        """When the stages were."""
        self._since = self._started = clock()

    def begin(self, stage: Stage) -> None:
        """Enter `stage` until the matching `end`."""
        if threading.get_ident() == self._thread:
            self._lap()
            self._stages.append(stage)

    def end(self) -> None:
        """Leave the current stage and resume the outer one."""
        if threading.get_ident() == self._thread:
            self._lap()
            self._stages.pop()

    def seconds(self) -> dict[Stage, float]:
        """Return the time in each stage up to now."""
        if threading.get_ident() == self._thread:
            self._lap()
        return dict(self._seconds)

    def _lap(self) -> None:
        now = self._clock()
        stage = self._stages[-1]
        self._seconds[stage] += now - self._since
        self.timeline.add(stage, self._since - self._started, now - self._started)
        self._since = now


class within:  # noqa: N801 - used as a statement and as a decorator, like contextlib.suppress
    """Attribute the time of a block, of calls of a function, or of taking items to a stage.

        with within("decode"):
            ...
        @within("decode")                       # includes iterating a returned iterator
        def read(path): ...
        for batch in within("idle").each(batches): ...

    The overhead without a stopwatch is negligible.
    """

    __slots__ = ("_stage", "_stopwatch")

    def __init__(self, stage: Stage) -> None:
        self._stage: Stage = stage
        self._stopwatch: Stopwatch | None = None

    def __enter__(self) -> None:
        self._stopwatch = current().setting(Stopwatch)
        if self._stopwatch is not None:
            self._stopwatch.begin(self._stage)

    def __exit__(self, *exc_info: object) -> None:
        if self._stopwatch is not None:
            self._stopwatch.end()

    def __call__(self, function: Callable[Given, Result]) -> Callable[Given, Result]:
        """Decorate a function."""
        stage = self._stage

        @functools.wraps(function)
        def measured(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            if current().setting(Stopwatch) is None:
                return function(*args, **kwargs)
            with within(stage):
                result = function(*args, **kwargs)
            if isinstance(result, Iterator):
                return cast("Result", within(stage).each(result))
            return result

        return measured

    def each(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield the items; attribute the time of taking each of them to the stage."""
        return items if current().setting(Stopwatch) is None else _taken_within(self._stage, items)


def tally(what: str, number: int = 1) -> None:
    """Add to a counter, such as that of frames."""
    stopwatch = current().setting(Stopwatch)
    if stopwatch is not None:
        stopwatch.counts[what] += number


@contextmanager
def measured_by(stopwatch: Stopwatch) -> Iterator[None]:
    """Measure the stages of the current work inside the block."""
    with current().replacing(stopwatch):
        yield


def _taken_within(stage: Stage, items: Iterator[Item]) -> Iterator[Item]:
    try:
        while True:
            with within(stage):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:  # a generator that is not exhausted cleans up at once
            with within(stage):
                close()
