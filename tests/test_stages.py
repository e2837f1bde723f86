"""Time by stage: nothing left, nothing twice, whatever is nested in what."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml import stages
from common_ml.stages import STAGES, StageTimeline, Stopwatch, measured_by, tally, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.stages import Stage


class Clock:
    """Advances only when a test moves it."""

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
    with measured_by(stopwatch), within("model"):
        clock.work(2)
        with within("decode"):
            clock.work(4)
        clock.work(8)
    clock.work(16)

    assert stopwatch.seconds() == {"decode": 4, "model": 10, "write": 0, "idle": 0, "other": 17}
    clock.work(32)
    assert sum(stopwatch.seconds().values()) == 63


@given(
    st.lists(
        st.tuples(st.sampled_from(STAGES), st.integers(0, 300) | st.integers(0, 20_000)),
        min_size=1,
        max_size=60,
    )
)
def test_the_timeline_has_every_tick_in_its_step(laps: list[tuple[Stage, int]]) -> None:
    """Compared with a list of all ticks of 1/1024 s, which floats hold exactly."""
    timeline = StageTimeline(4 / 1024)
    ticks: list[Stage] = []
    for stage, length in laps:
        start = len(ticks)
        ticks += [stage] * length
        timeline.add(stage, start / 1024, len(ticks) / 1024)

    found = timeline.to_json()
    step = found["bin_seconds"] * 1024
    assert step in (4 * 2**n for n in range(20))
    assert len(found["stages"]["model"]) <= StageTimeline.MAX_STEPS
    for stage in STAGES:
        counted = Counter(int(place // step) for place, one in enumerate(ticks) if one == stage)
        wanted = [counted[n] / 1024 for n in range(len(found["stages"][stage]))]
        assert found["stages"][stage] == pytest.approx(wanted, abs=2e-6)
        assert sum(found["stages"][stage]) == pytest.approx(ticks.count(stage) / 1024, abs=1e-3)
    if len(ticks) > 4 * StageTimeline.MAX_STEPS:
        # no coarser than needed
        assert len(found["stages"]["model"]) > StageTimeline.MAX_STEPS / 2 - 1


def test_a_stage_ends_with_what_is_raised() -> None:
    clock = Clock()
    stopwatch = Stopwatch(clock)
    with suppress(ValueError), measured_by(stopwatch), within("model"):
        clock.work(1)
        raise ValueError
    clock.work(2)

    assert (stopwatch.seconds()["model"], stopwatch.seconds()["other"]) == (1, 2)


def test_other_threads_are_not_looked_at() -> None:
    """They work side by side with this one: their seconds would be counted twice."""
    clock = Clock()
    stopwatch = Stopwatch(clock)

    def decode() -> None:
        with measured_by(stopwatch), within("decode"):
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
        for _ in within("decode")(frames)():
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
        taken = within("decode")(frames)()
        assert next(taken) == 1
        taken.close()  # type: ignore[attr-defined] # it is a generator

    assert stopwatch.seconds()["decode"] == 1


def test_what_an_iterator_raises_comes_through() -> None:
    def frames() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    with measured_by(Stopwatch()), pytest.raises(ValueError, match="damaged"):
        list(within("decode")(frames)())


@pytest.mark.parametrize("stage", stages.STAGES)
def test_a_decorated_function_is_a_stage(stage: Stage) -> None:
    clock = Clock()

    @within(stage)
    def work(seconds: float) -> float:
        """Work."""
        return clock.work(seconds)

    assert work(1) == 1  # without a stopwatch
    stopwatch = Stopwatch(clock)
    with measured_by(stopwatch):
        assert work(2) == 2

    assert stopwatch.seconds()[stage] == 2
    assert (work.__name__, work.__doc__) == ("work", "Work.")


def test_iterators_are_not_wrapped_without_a_stopwatch() -> None:
    items = iter([1])

    assert within("idle").each(items) is items
    assert within("idle")(iter)(items) is items
    tally("frames")
    with within("model"):
        pass


def test_counts_go_to_the_stopwatch() -> None:
    stopwatch = Stopwatch()
    with measured_by(stopwatch):
        tally("frames")
        tally("frames", 3)
    tally("frames")

    assert stopwatch.counts == {"frames": 4}
