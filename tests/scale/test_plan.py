"""Division of films into shards by cost, beside brute force."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.scale.plan import PICTURE_SECONDS, Film, longest_first, lower_bound, shard, shards
from tests.scale.made_films import films_of

COSTS = st.lists(st.floats(0.01, 1000), min_size=1, max_size=40)


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


def test_the_longest_come_first_and_equal_ones_keep_their_order() -> None:
    films = films_of([1.0, 50.0, 3.0, 50.0, 1.0])
    names = [film.name for film in longest_first(films)]
    assert names == ["1.mp4", "3.mp4", "2.mp4", "0.mp4", "4.mp4"]
    assert longest_first([]) == []


def test_films_of_equal_cost_are_dealt_in_turns() -> None:
    shares = shards(films_of([2.0] * 7), 3)
    assert [[film.name for film in share] for share in shares] == [
        ["0.mp4", "3.mp4", "6.mp4"],
        ["1.mp4", "4.mp4"],
        ["2.mp4", "5.mp4"],
    ]


def test_a_huge_film_has_a_shard_to_itself() -> None:
    films = films_of([1.0, 1e12, 2.0, 3.0])
    assert shards(films, 2) == [[films[1]], [films[0], films[2], films[3]]]


def test_shards_without_films_are_empty() -> None:
    (film,) = films_of([5.0])
    assert shards([film], 3) == [[film], [], []]
    assert shards([], 2) == [[], []]
    assert shard([film], 3, 3) == []


@given(COSTS, st.integers(1, 8))
def test_every_machine_divides_the_films_alike(costs: list[float], num_shards: int) -> None:
    """Each task of an array computes the shards itself, from films it has read anew."""
    assert shards(films_of(costs), num_shards) == shards(films_of(costs), num_shards)


def test_a_film_of_unknown_duration_costs_as_much_as_a_picture() -> None:
    assert Film("a.png", "/a.png").cost == PICTURE_SECONDS == 0.05


@given(
    st.lists(st.integers(1, 20), max_size=5),
    st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=3),
)
def test_no_schedule_beats_the_lower_bound(costs: list[int], speeds: list[float]) -> None:
    """Each film on any worker: all schedules there are, but for their order."""
    makespans = []
    for places in product(range(len(speeds)), repeat=len(costs)):
        loads = [0.0] * len(speeds)
        for cost, place in zip(costs, places, strict=True):
            loads[place] += cost / speeds[place]
        makespans.append(max(loads))
    assert lower_bound([float(cost) for cost in costs], speeds) <= min(makespans) + 1e-9


def test_the_lower_bound_is_all_work_or_the_longest_film() -> None:
    assert lower_bound([4.0, 4.0, 4.0], [1.0, 2.0]) == 4.0  # 12 seconds at speed 3
    assert lower_bound([10.0, 1.0], [1.0, 2.0]) == 5.0  # the first, on the faster one
    assert lower_bound(iter([6.0]), [3.0]) == 2.0
    assert lower_bound([], [1.0]) == 0.0
