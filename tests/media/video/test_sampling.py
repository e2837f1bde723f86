from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.media.video.sampling import exact_rate, nearest_to_grid, nearest_to_points

if TYPE_CHECKING:
    from collections.abc import Iterator

# Steps of 0 are frames that share a time.
times = st.lists(st.integers(0, 40), min_size=0, max_size=60).map(
    lambda steps: list(accumulate(steps, initial=0))
)
steps = st.fractions(min_value=Fraction(1, 7), max_value=90, max_denominator=1001)


def grid_twin(ticks: list[int], step: Fraction) -> list[int]:
    """By definition: per grid point the nearest frame, the earlier on a tie, each once."""
    chosen: list[int] = []
    point = Fraction(ticks[0])
    while point <= ticks[-1]:
        nearest = min(range(len(ticks)), key=lambda n: (abs(ticks[n] - point), n))
        if nearest not in chosen:
            chosen.append(nearest)
        point += step
    return chosen


@given(times, steps)
def test_grid_is_what_its_definition_says(ticks: list[int], step: Fraction) -> None:
    assert list(nearest_to_grid(ticks, step)) == grid_twin(ticks, step)


@given(times, steps, st.integers(-(10**12), 10**12))
def test_only_the_distance_from_the_first_frame_counts(
    ticks: list[int], step: Fraction, start: int
) -> None:
    shifted = [tick + start for tick in ticks]
    assert list(nearest_to_grid(shifted, step)) == list(nearest_to_grid(ticks, step))


@given(times, steps)
def test_places_increase_from_the_first_frame_on(ticks: list[int], step: Fraction) -> None:
    places = list(nearest_to_grid(ticks, step))
    assert places[0] == 0
    assert all(a < b for a, b in pairwise(places))


@given(times, steps)
def test_a_frame_is_named_with_the_one_after_it_at_the_latest(
    ticks: list[int], step: Fraction
) -> None:
    read = 0

    def counted() -> Iterator[int]:
        nonlocal read
        for tick in ticks:
            read += 1
            yield tick

    for place in nearest_to_grid(counted(), step):
        later = [n for n, tick in enumerate(ticks) if tick > ticks[place]]
        assert read <= (later[0] + 1 if later else len(ticks))


def test_nothing_is_nearest_to_nothing() -> None:
    assert list(nearest_to_grid([], Fraction(1))) == []


def test_a_tie_goes_to_the_earlier_frame() -> None:
    assert list(nearest_to_grid([0, 1, 3, 5], Fraction(2))) == [0, 1, 2]


def test_ntsc_grid() -> None:
    """29.97 at 1 fps: every 30th frame; 23.976: the grid drifts by a frame within 42 s."""
    for rate, tick in ((Fraction(30000, 1001), 1001), (Fraction(24000, 1001), 1001)):
        count = round(rate * 60)
        places = list(nearest_to_grid(range(0, count * tick, tick), rate * tick))
        exact = [n * rate for n in range(len(places))]
        assert places == [round(place) for place in exact]


def test_a_rate_above_the_video_takes_every_frame_once() -> None:
    assert list(nearest_to_grid([0, 40, 80], Fraction(1, 3))) == [0, 1, 2]


@given(times, st.lists(st.fractions(-50, 2500, max_denominator=64), max_size=20))
def test_points_get_the_nearest_frame(ticks: list[int], points: list[Fraction]) -> None:
    expected = [
        min(range(len(ticks)), key=lambda n: (abs(ticks[n] - point), n)) for point in points
    ]
    assert nearest_to_points(ticks, points) == expected


@pytest.mark.parametrize(
    ("fps", "exact"), [(0.1, Fraction(1, 10)), (1, Fraction(1)), (29.97, Fraction(2997, 100))]
)
def test_a_rate_is_what_is_written_down(fps: float, exact: Fraction) -> None:
    assert exact_rate(fps) == exact


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_a_rate_is_finite_and_positive(fps: float) -> None:
    with pytest.raises(ValueError, match="finite number > 0, got"):
        exact_rate(fps)
