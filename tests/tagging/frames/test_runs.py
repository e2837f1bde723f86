"""Runs: exact examples, and properties against a brute-force twin."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from common_ml.tagging.frames.runs import Run, RunFinder
from common_ml.tagging.models.tag_types import FrameTag

Sighting = tuple[str, int]
sightings = st.lists(st.tuples(st.sampled_from(["cat", "dog", ""]), st.integers(0, 30)))


def find(seen: list[Sighting]) -> list[Run]:
    finder = RunFinder()
    for text, position in seen:
        finder.add([FrameTag(text)], position=position, seconds=position / 4)
    return finder.runs()


def brute_force(seen: list[Sighting]) -> set[tuple[str, int, int]]:
    """Group sorted positions by their distance to their rank."""
    runs = set()
    for text in {text for text, _ in seen}:
        positions = sorted({position for other, position in seen if other == text})
        for _, group in groupby(enumerate(positions), key=lambda pair: pair[1] - pair[0]):
            members = [position for _, position in group]
            runs.add((text, members[0], members[-1]))
    return runs


def test_neighbours_join_and_gaps_part() -> None:
    assert find([("cat", 0), ("cat", 1), ("dog", 1), ("cat", 3)]) == [
        Run("cat", 0, 1, 0.0, 0.25),
        Run("dog", 1, 1, 0.25, 0.25),
        Run("cat", 3, 3, 0.75, 0.75),
    ]


def test_two_sightings_in_one_frame_count_once() -> None:
    finder = RunFinder()
    finder.add([FrameTag("car"), FrameTag("car")], position=5, seconds=2.5)
    (run,) = finder.runs()
    assert run == Run("car", 5, 5, 2.5, 2.5)
    assert run.num_frames == 1


def test_nothing_seen_gives_no_runs() -> None:
    assert find([]) == []


def test_a_frame_between_two_runs_joins_them() -> None:
    assert find([("a", 0), ("a", 2), ("a", 1)]) == [Run("a", 0, 2, 0.0, 0.5)]


@given(sightings)
def test_runs_are_those_of_brute_force(seen: list[Sighting]) -> None:
    assert {(run.text, run.first, run.last) for run in find(seen)} == brute_force(seen)


@given(sightings)
def test_runs_cover_exactly_the_tagged_positions(seen: list[Sighting]) -> None:
    covered = [
        (run.text, position) for run in find(seen) for position in range(run.first, run.last + 1)
    ]
    assert len(covered) == len(set(covered))
    assert set(covered) == set(seen)


@given(sightings, st.randoms(use_true_random=False))
def test_the_order_of_sightings_does_not_matter(seen: list[Sighting], random: object) -> None:
    shuffled = list(seen)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # Hypothesis gives a random.Random
    assert find(shuffled) == find(seen)


@given(sightings)
def test_what_is_seen_again_changes_nothing(seen: list[Sighting]) -> None:
    assert find(seen + seen) == find(seen)


@given(sightings)
def test_times_are_those_of_the_first_and_last_frame(seen: list[Sighting]) -> None:
    for run in find(seen):
        assert (run.start_seconds, run.end_seconds) == (run.first / 4, run.last / 4)


def test_tracks_are_apart_and_the_surest_of_a_frame_counts() -> None:
    finder = RunFinder()
    finder.add([FrameTag("a"), FrameTag("a", track="t")], position=0, seconds=0.0)
    finder.add(
        [FrameTag("a", confidence=0.5), FrameTag("a", confidence=0.75), FrameTag("a")],
        position=1,
        seconds=1.0,
    )
    finder.add([FrameTag("a", confidence=0.25)], position=2, seconds=2.0)

    assert finder.runs() == [
        Run("a", 0, 2, 0.0, 2.0, "", 0.5, 0.75),
        Run("a", 0, 0, 0.0, 0.0, "t"),
    ]


@given(
    st.dictionaries(st.integers(0, 12), st.none() | st.floats(0, 1), max_size=13),
    st.randoms(use_true_random=False),
)
def test_mean_and_best_are_those_of_brute_force(
    sure: dict[int, float | None], random: object
) -> None:
    positions = list(sure)
    random.shuffle(positions)  # type: ignore[attr-defined] # Hypothesis gives a random.Random
    finder = RunFinder()
    for position in positions + positions:
        tag = FrameTag("a", confidence=sure[position])
        finder.add([tag], position=position, seconds=float(position))

    for run in finder.runs():
        known = [sure[place] for place in range(run.first, run.last + 1)]
        numbers = [number for number in known if number is not None]
        exact = sum(map(Fraction, numbers), Fraction(0))
        assert run.best_confidence == max(numbers, default=None)
        if numbers:
            assert run.mean_confidence is not None
            assert abs(run.mean_confidence - exact / len(numbers)) <= 0.5000001e-6
        else:
            assert run.mean_confidence is None
