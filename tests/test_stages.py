"""Time by stage: nothing left, nothing twice, whatever is nested in what."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from common_ml import stages
from common_ml.stages import Stopwatch, called, iterated, measured_by, part_of, timed, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.stages import Stage


class Clock:
    """Goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> float:
        """Let time pass."""
        self.now += seconds
        return seconds


def test_each_second_counts_for_the_innermost_stage() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)
    clock.work(1)
    with stopwatch.within("model"):
        clock.work(2)
        with stopwatch.within("decode"):
            clock.work(4)
        clock.work(8)
    clock.work(16)

    assert stopwatch.seconds() == {"decode": 4, "model": 10, "write": 0, "idle": 0, "other": 17}
    clock.work(32)
    assert sum(stopwatch.seconds().values()) == 63


def test_a_stage_ends_with_what_is_raised() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)
    with suppress(ValueError), stopwatch.within("model"):
        clock.work(1)
        raise ValueError
    clock.work(2)

    assert (stopwatch.seconds()["model"], stopwatch.seconds()["other"]) == (1, 2)


def test_other_threads_are_not_looked_at() -> None:
    """They work side by side with this one: their seconds would be counted twice."""
    clock = Clock()
    stopwatch = Stopwatch(clock)

    def decode() -> None:
        with stopwatch.within("decode"):
            clock.work(1)

    thread = threading.Thread(target=decode)
    thread.start()
    thread.join()

    assert stopwatch.seconds()["decode"] == 0
    assert stopwatch.seconds()["other"] == 1


def test_an_iterator_counts_only_while_it_is_asked() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)

    def frames() -> Iterator[int]:
        for number in range(3):
            clock.work(1)
            yield number
        clock.work(1)

    with measured_by(stopwatch):
        for _ in called("decode", frames):
            clock.work(10)

    assert stopwatch.seconds()["decode"] == 4
    assert stopwatch.seconds()["other"] == 30


def test_a_generator_that_is_left_is_closed_at_once() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)

    def frames() -> Iterator[int]:
        try:
            yield 1
        finally:
            clock.work(1)

    with measured_by(stopwatch):
        taken = called("decode", frames)
        assert next(taken) == 1
        taken.close()  # type: ignore[attr-defined] # it is a generator

    assert stopwatch.seconds()["decode"] == 1


def test_what_an_iterator_raises_comes_through() -> None:
    def frames() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    with measured_by(Stopwatch()), pytest.raises(ValueError, match="damaged"):
        list(called("decode", frames))


@pytest.mark.parametrize("stage", stages.STAGES)
def test_a_decorated_function_is_a_stage(stage: Stage) -> None:
    clock = Clock()

    @part_of(stage)
    def work(seconds: float) -> float:
        """Work."""
        return clock.work(seconds)

    assert work(1) == 1  # nobody measures
    stopwatch = Stopwatch(clock)
    with measured_by(stopwatch):
        assert work(2) == 2

    assert stopwatch.seconds()[stage] == 2
    assert (work.__name__, work.__doc__) == ("work", "Work.")


def test_nothing_is_wrapped_while_nobody_measures() -> None:
    items = iter([1])

    assert iterated("idle", items) is items
    assert called("idle", iter, items) is items
    assert timed("write", print) is print
    stages.tally("frames")
    with within("model"):
        pass


def test_counts_go_to_who_measures() -> None:
    stopwatch = Stopwatch()
    with measured_by(stopwatch):
        stages.tally("frames")
        stages.tally("frames", 3)
    stages.tally("frames")

    assert stopwatch.counts == {"frames": 4}
