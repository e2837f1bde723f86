"""Plan, schedule and driver under a fake clock: every film once, nobody idle, nothing lost."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import TaggerError
from common_ml.scale.driver import Driver
from common_ml.scale.plan import Film, longest_first, lower_bound, shard, shards
from common_ml.scale.pool import BatchResult, Finished, Lost
from common_ml.scale.schedule import MAX_TRIES, Schedule
from tests.scale.simulated import SimulatedPool, simulate

COSTS = st.lists(st.floats(0.01, 1000), min_size=1, max_size=40)


def films_of(costs: list[float]) -> list[Film]:
    return [Film(f"{number}.mp4", f"/{number}.mp4", cost) for number, cost in enumerate(costs)]


@given(COSTS, st.integers(1, 8))
def test_shards_divide_the_films(costs: list[float], num_shards: int) -> None:
    films = films_of(costs)
    shares = shards(films, num_shards)

    assert sorted(film.name for share in shares for film in share) == sorted(
        film.name for film in films
    )
    for number, share in enumerate(shares, 1):
        assert share == sorted(share, key=films.index)
        assert shard(films, number, num_shards) == share


@given(st.lists(st.integers(1, 20), min_size=1, max_size=7), st.integers(1, 3))
def test_the_largest_shard_is_within_four_thirds_of_the_best(
    costs: list[int], num_shards: int
) -> None:
    """Against all divisions there are."""
    films = films_of([float(cost) for cost in costs])
    best = min(
        max(
            sum(cost for cost, place in zip(costs, places, strict=True) if place == number)
            for number in range(num_shards)
        )
        for places in product(range(num_shards), repeat=len(costs))
    )
    largest = max(sum(film.cost for film in share) for share in shards(films, num_shards))
    assert best <= largest <= best * 4 / 3
    assert lower_bound([float(cost) for cost in costs], [1.0] * num_shards) <= best


def test_shards_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="a shard is 1/3 to 3/3, got 0"):
        shard(films_of([1.0]), 0, 3)
    with pytest.raises(ValueError, match="num_shards must be >= 1"):
        shards([], 0)


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


def test_long_films_go_first() -> None:
    films = films_of([1.0, 50.0, 3.0, 50.0])
    schedule = Schedule(films)
    schedule.join("a")
    schedule.join("b")
    first = [batch.films[0].name for _, batch in schedule.assign(0.0)]

    assert first == ["1.mp4", "3.mp4"]
    assert [film.cost for film in longest_first(films)] == [50.0, 50.0, 3.0, 1.0]


def test_exceptionally_long_films_are_left_to_workers_that_are_not_slow() -> None:
    schedule = Schedule(films_of([1.0] * 30 + [100.0]))
    schedule.join("slow")
    schedule.join("fast")
    for name, batch in schedule.assign(0.0):
        assert [film.cost for film in batch.films] == [1.0]
        seconds = {"slow": 2.0, "fast": 1.0}[name]
        schedule.finish(name, batch.number, elapsed_seconds=seconds, now=2.0)

    costs = {name: [film.cost for film in batch.films] for name, batch in schedule.assign(2.0)}

    assert costs["fast"] == [100.0]
    assert 100.0 not in costs["slow"]


def test_exceptionally_long_films_are_for_anybody_if_there_is_nothing_else() -> None:
    schedule = Schedule(films_of([1.0] * 60 + [100.0] * 12))
    for number in range(60):
        schedule.join(str(number))  # none is measured before it leaves
        ((_, batch),) = schedule.assign(0.0)
        assert [film.cost for film in batch.films] == [1.0]
        schedule.leave(str(number))

    schedule.join("last")
    ((_, batch),) = schedule.assign(0.0)

    assert [film.cost for film in batch.films] == [100.0]


def test_short_films_are_sent_together_once_their_time_is_known() -> None:
    schedule = Schedule(films_of([0.01] * 1000))
    schedule.join("a")
    ((_, first), *_) = schedule.assign(0.0)
    assert len(first.films) == 1
    schedule.finish("a", first.number, elapsed_seconds=0.01, now=0.01)
    batches = [batch for _, batch in schedule.assign(0.01)]
    assert [len(batch.films) for batch in batches] == [64]


def test_what_was_not_begun_is_taken_back_for_an_idle_worker() -> None:
    schedule = Schedule(films_of([100.0, 90.0, 80.0]))
    schedule.join("a")
    for _ in range(2):  # one that it tags, one ahead
        assert [name for name, _ in schedule.assign(0.0)] == ["a"]
    schedule.join("b")
    schedule.join("c")
    ((name, last),) = schedule.assign(0.0)
    assert name == "b"
    assert last.films[0].cost == 80.0
    assert schedule.surplus == []

    ((holder, number),) = schedule.recall()
    assert holder == "a"
    assert schedule.recall() == []
    schedule.returned("a", number, success=True)

    ((name, taken),) = schedule.assign(0.0)
    assert name == "c"
    assert taken.films[0].cost == 90.0


def test_the_last_film_waits_for_a_fast_worker() -> None:
    schedule = Schedule(films_of([10.0, 9.0, 8.0, 5.0]))
    schedule.join("slow")
    schedule.join("fast")
    given = dict(schedule.assign(0.0))
    schedule.finish("fast", given["fast"].number, elapsed_seconds=0.9, now=0.9)
    assert [name for name, _ in schedule.assign(0.9)] == ["fast"]
    schedule.finish("slow", given["slow"].number, elapsed_seconds=100.0, now=2.0)

    assert schedule.assign(2.0) == []
    assert schedule.num_waiting == 1


def test_the_last_film_does_not_wait_for_a_worker_that_is_late() -> None:
    """Expected after ten seconds, and not there after a hundred: an idle one takes the film."""
    schedule = Schedule(films_of([10.0, 9.0, 8.0]))
    schedule.join("late")
    schedule.join("idle")
    given = dict(schedule.assign(0.0))
    schedule.finish("idle", given["idle"].number, elapsed_seconds=18.0, now=18.0)

    ((name, _),) = schedule.assign(100.0)
    assert name == "idle"


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
