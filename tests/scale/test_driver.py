"""The driver under a fake clock: every film once, nobody idle, nothing lost."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import TaggerError
from common_ml.scale.driver import Driver
from common_ml.scale.pool import BatchResult, Finished, Lost
from common_ml.scale.schedule import MAX_TRIES
from tests.scale.made_films import films_of
from tests.scale.simulated import SimulatedPool, simulate

COSTS = st.lists(st.floats(0.01, 1000), min_size=1, max_size=40)


@given(
    costs=COSTS,
    speeds=st.lists(st.floats(0.3, 3), min_size=1, max_size=6),
    losses=st.sampled_from([0.0, 1.0, 20.0]),
    seed=st.integers(0, 1000),
)
def test_every_film_has_one_outcome(
    costs: list[float], speeds: list[float], losses: float, seed: int
) -> None:
    """Whatever machines are lost, and however often."""
    films = films_of(costs)
    pool = SimulatedPool(speeds, losses_an_hour=losses, noise=0.5, seed=seed, start_seconds=1)
    done = simulate(films, pool, speeds)

    assert Counter(result.film.name for result in done.results) == Counter(
        film.name for film in films
    )
    finished = {result.film.name for result in done.results if result.outcome == "done"}
    assert finished == set(pool.committed)


@given(st.sets(st.integers(0, 19), max_size=4), st.integers(1, 5))
def test_poison_is_isolated_after_three_tries(poison: set[int], num_machines: int) -> None:
    films = films_of([5.0] * 20)
    names = {f"{number}.mp4" for number in poison}
    speeds = [1.0] * num_machines
    pool = SimulatedPool(speeds, poison=lambda film: film.name in names)
    done = simulate(films, pool, speeds)

    outcomes = {result.film.name: result.outcome for result in done.results}
    assert {name for name, outcome in outcomes.items() if outcome == "died"} == names
    assert len(outcomes) == 20
    tries = Counter(pool.begun)
    assert {tries[name] for name in names} <= {MAX_TRIES}
    assert all(tries[film.name] == 1 for film in films if film.name not in names)


class BrokenPool(SimulatedPool):
    """No machine can tag anything."""

    def send(self, worker: str, batch: object) -> None:
        number = getattr(batch, "number", 0)
        self._later(0.1, Finished(worker, number, BatchResult((), 0.1, broken="no CUDA")))

    def _happens(self, event: object) -> bool:
        return getattr(event, "worker", None) in self._machines


def test_a_pool_that_can_tag_nothing_is_an_error() -> None:
    pool = BrokenPool([1.0] * 5)
    driver = Driver(films_of([1.0] * 50), pool, is_done=lambda film: False)
    with pytest.raises(TaggerError, match="3 workers in succession could tag nothing: no CUDA"):
        list(driver.run())


class NeverStarts(SimulatedPool):
    """No machine becomes ready."""

    def grow(self, num_workers: int) -> None:
        for number in range(num_workers):
            self._machines[f"{self._time}-{number}"] = None  # type: ignore[assignment] # not used
            self._later(1.0, Lost(f"{self._time}-{number}", "no such image", "none"))

    def _happens(self, event: object) -> bool:
        return True


def test_workers_that_cannot_start_are_an_error() -> None:
    driver = Driver(films_of([1.0]), NeverStarts([1.0]), is_done=lambda film: False)
    with pytest.raises(TaggerError, match="could tag nothing: no such image"):
        list(driver.run())


def test_workers_go_when_work_ends() -> None:
    """The longest film keeps one machine; the others are free for others."""
    released: list[float] = []

    class Watched(SimulatedPool):
        def release(self, worker: str) -> None:
            super().release(worker)
            released.append(self.now())

    speeds = [1.0] * 4
    pool = Watched(speeds, start_seconds=1)
    done = simulate(films_of([1000.0, *[10.0] * 30]), pool, speeds)
    assert len(done.results) == 31
    assert len(released) >= 3
    assert min(released) < 200


@pytest.mark.slow
def test_a_slow_machine_that_comes_first_does_not_get_the_longest_film() -> None:
    """With more machines than that film is a share of, it would be the whole time."""
    chance = random.Random(1)
    films = films_of([chance.lognormvariate(7.5, 0.8) for _ in range(1000)])
    speeds = [20.0 if number % 4 else 10.0 for number in range(40)]
    done = simulate(films, SimulatedPool(speeds, noise=0.1), speeds)

    assert done.ratio < 1.1


def test_ten_thousand_films_on_two_hundred_nodes() -> None:
    """Within 5 % of what no schedule can beat, though one machine in a hundred is lost an hour."""
    chance = random.Random(1)
    films = films_of([chance.lognormvariate(7.5, 0.8) for _ in range(10_000)])
    speeds = [20.0 if number % 4 else 10.0 for number in range(200)]
    pool = SimulatedPool(speeds, losses_an_hour=0.01, noise=0.1)
    done = simulate(films, pool, speeds)

    assert len(done.results) == 10_000
    assert done.num_lost > 0
    assert done.ratio < 1.05
