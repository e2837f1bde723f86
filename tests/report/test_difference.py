"""Compare the difference of two runs with a brute-force reference."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import WireError
from common_ml.report.difference import ChangeCounts, FileStates, compare
from common_ml.report.overlap import TagPlace, overlap, pairs
from common_ml.tagging.messages import Error, Progress, Tag
from tests.report.tags import FILE, run, seen, write_tags

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LEAST, SHORTEST = 0.5, 40

# Few values, close together: overlaps, ties and doubles are the rule.
times = st.tuples(st.integers(0, 12), st.integers(0, 8)).map(
    lambda pair: (pair[0] * 10, (pair[0] + pair[1]) * 10)
)
edges = st.tuples(st.integers(0, 3), st.integers(1, 3)).map(
    lambda pair: (pair[0] / 6, (pair[0] + pair[1]) / 6)
)
boxes = st.builds(lambda x, y: (x[0], y[0], x[1], y[1]), edges, edges)
places = st.builds(
    lambda span, box: TagPlace(span[0], span[1], 0 if box else -1, box or ()),
    times,
    st.none() | boxes,
)
runs = st.builds(lambda span, text: run(span[0], span[1], text), times, st.sampled_from("ab"))
frames = st.builds(
    lambda at, text, box, track: seen(at * 20, text, box, track=track),
    st.integers(0, 6),
    st.sampled_from("ab"),
    st.none() | boxes,
    st.sampled_from(["", "faces"]),
)
tag_lists = st.lists(runs | frames, max_size=12)


def shared(one: TagPlace, other: TagPlace) -> float:
    """The overlap by counting: a grid of 5 ms for times, of 1/12 for boxes."""

    def moments(place: TagPlace) -> set[int]:
        start, end = place.start_ms * 2, place.end_ms * 2
        short_by = max(SHORTEST * 2 - (end - start), 0)
        return set(range(start - short_by // 2, end + short_by // 2))

    def cells(place: TagPlace) -> set[tuple[int, int]]:
        x1, y1, x2, y2 = (round(value * 12) for value in place.box or (0, 0, 1 / 12, 1 / 12))
        return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}

    if bool(one.box) != bool(other.box):
        return 0.0
    time = len(moments(one) & moments(other)) / len(moments(one) | moments(other))
    return time * len(cells(one) & cells(other)) / len(cells(one) | cells(other))


def slow_pairs(
    before: Sequence[TagPlace], after: Sequence[TagPlace]
) -> Counter[tuple[TagPlace, TagPlace]]:
    """The same rule as `pairs`, looking at all that is left again for each pair."""
    left, right = list(before), list(after)
    found: Counter[tuple[TagPlace, TagPlace]] = Counter()
    while True:
        choices = [(one, other) for one in left for other in right if shared(one, other) >= LEAST]
        if not choices:
            return found
        best = min(choices, key=lambda two: (two[0] != two[1], -shared(*two), sorted(two)))
        left.remove(best[0])
        right.remove(best[1])
        found[best] += 1


@given(places, places)
def test_overlap_is_what_counting_says_and_symmetric(one: TagPlace, other: TagPlace) -> None:
    expected = shared(one, other)

    assert overlap(one, other, shortest_ms=SHORTEST) == pytest.approx(expected)
    assert overlap(other, one, shortest_ms=SHORTEST) == overlap(one, other, shortest_ms=SHORTEST)
    assert overlap(one, one, shortest_ms=SHORTEST) == pytest.approx(1)


@given(st.lists(times, max_size=7), st.lists(times, max_size=7))
def test_pairs_are_those_of_the_slow_twin(
    before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    """Times alone: their overlaps are the same floats on both ways, so that ties are ties."""
    ours, theirs = [TagPlace(*span) for span in before], [TagPlace(*span) for span in after]

    found = pairs(ours, theirs, least=LEAST, shortest_ms=SHORTEST)

    assert Counter((ours[i], theirs[j]) for i, j, _ in found) == slow_pairs(ours, theirs)


@given(st.lists(places, max_size=5), st.lists(places, max_size=5))
def test_no_assignment_has_twice_as_many_pairs(
    before: list[TagPlace], after: list[TagPlace]
) -> None:
    """What a greedy choice promises, and that no place is used twice."""
    found = pairs(before, after, least=LEAST, shortest_ms=SHORTEST)

    small, large = sorted((before, after), key=len)
    most = max(
        sum(
            overlap(one, other, shortest_ms=SHORTEST) >= LEAST
            for one, other in zip(small, chosen, strict=False)
        )
        for chosen in permutations(large, len(small))
    )
    assert most <= 2 * len(found) <= 2 * most
    assert len({pair.before for pair in found}) == len(found) == len({p.after for p in found})
    assert all(pair.overlap >= LEAST for pair in found)


@given(tag_lists)
def test_nothing_changed_from_a_run_to_itself(tags: list[Tag]) -> None:
    difference = compare(tags, tags)

    assert (difference.added, difference.gone, difference.moved) == ((), (), ())
    assert Counter(map(repr, difference.same)) == Counter({repr(tag): 1 for tag in tags})
    assert difference.share == 0


@given(tag_lists, tag_lists)
def test_what_is_added_one_way_is_gone_the_other_way(before: list[Tag], after: list[Tag]) -> None:
    there, back = compare(before, after), compare(after, before)

    assert (there.added, there.gone) == (back.gone, back.added)
    assert {(repr(m.before), repr(m.after)) for m in there.moved} == {
        (repr(m.after), repr(m.before)) for m in back.moved
    }
    assert there.share == back.share


@given(tag_lists, tag_lists)
def test_every_tag_is_listed_once(before: list[Tag], after: list[Tag]) -> None:
    difference = compare(before, after)

    before_tags = [*difference.gone, *(m.before for m in difference.moved)]
    after_tags = [*difference.same, *difference.added, *(m.after for m in difference.moved)]
    assert len(before_tags) + len(difference.same) == len(set(map(repr, before)))
    assert Counter(map(repr, after_tags)) == Counter(dict.fromkeys(map(repr, after), 1))
    assert sum(difference.counts) == sum(map(sum, difference.by_track().values()))


def test_added_gone_and_moved() -> None:
    before = [run(0, 1000), run(5000, 6000), run(0, 500, "dog")]
    after = [run(100, 1000), run(9000, 9500), run(0, 500, "dog")]

    difference = compare(before, after)

    assert difference.same == (run(0, 500, "dog"),)
    (moved,) = difference.moved
    assert moved == (run(0, 1000), run(100, 1000), 0.9)
    assert difference.gone == (run(5000, 6000),)
    assert difference.added == (run(9000, 9500),)
    assert difference.counts == ChangeCounts(same=1, moved=1, added=1, gone=1)
    assert difference.share == 0.75


def test_of_several_boxes_the_nearest_ones_belong_together() -> None:
    left, right = (0.0, 0.0, 0.4, 0.4), (0.5, 0.0, 0.9, 0.4)
    nudged = (0.52, 0.0, 0.9, 0.4)

    difference = compare([seen(0, "x", left), seen(0, "x", right)], [seen(0, "x", nudged)])

    assert [(m.before, m.after) for m in difference.moved] == [
        (seen(0, "x", right), seen(0, "x", nudged))
    ]
    assert difference.moved[0].overlap == pytest.approx(0.38 / 0.4)
    assert difference.gone == (seen(0, "x", left),)


def test_a_frame_tag_a_millisecond_later_has_moved() -> None:
    """Another decoder rounds another way: 39 of 41 ms in common."""
    (moved,) = compare([seen(1000)], [seen(1001)]).moved

    assert moved.overlap == pytest.approx(39 / 41)


def test_a_frame_tag_is_never_a_run() -> None:
    difference = compare([seen(1000)], [run(1000, 1000)])

    assert len(difference.added) == len(difference.gone) == 1


@pytest.mark.parametrize(
    "other", [run(0, 1000, "dog"), run(0, 1000, track="b"), run(0, 1000, file="media/b.mp4")]
)
def test_another_text_track_or_file_is_another_tag(other: Tag) -> None:
    difference = compare([run(0, 1000)], [other])

    assert (difference.gone, difference.added) == ((run(0, 1000),), (other,))


def test_details_are_not_compared() -> None:
    before, after = seen(0, confidence=0.9), seen(0, confidence=0.8)

    assert compare([before], [after]).same == (after,)


def test_tags_equal_in_every_field_count_once() -> None:
    assert compare([run(0, 10), run(0, 10)], [run(0, 10)]).counts == ChangeCounts(same=1)


def test_a_file_in_another_folder_is_the_same_file() -> None:
    before, after = run(0, 10, file="media/a.mp4"), run(0, 10, file="/data/a.mp4")

    assert compare([before], [after]).same == (after,)


def test_names_that_are_not_unique_stay_apart() -> None:
    """It is ambiguous which `a.mp4` it is."""
    before = [run(0, 10, file="x/a.mp4"), run(0, 10, file="y/a.mp4")]

    assert compare(before, [run(0, 10, file="z/a.mp4")]).counts == ChangeCounts(added=1, gone=2)


def test_what_became_of_the_files() -> None:
    before = [run(0, 10), Progress(FILE), Progress("b.mp4"), Progress("c.mp4")]
    after = [run(0, 10), Error("broken", FILE), Progress("b.mp4"), Error("no GPU")]

    difference = compare(before, after)

    assert difference.changed_files == (
        FileStates("c.mp4", "done", "missing"),
        FileStates(FILE, "done", "failed"),
    )
    assert difference.newly_failed == difference.changed_files


def test_files_are_read(tmp_path: Path) -> None:
    before = write_tags(tmp_path / "a.jsonl", [run(0, 10)])
    after = write_tags(tmp_path / "b.jsonl", [replace(run(0, 10), tag="dog")])

    assert compare(before, after).counts == ChangeCounts(added=1, gone=1)
    assert compare(str(before), before).counts == ChangeCounts(same=1)


def test_a_line_that_is_no_message_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("rubbish\n")

    with pytest.raises(WireError, match=r"a\.jsonl:1: the line is not valid JSON"):
        compare(path, [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"least_overlap": 0}, r"least_overlap must be > 0 and <= 1, got 0"),
        ({"least_overlap": 1.5}, r"least_overlap must be > 0 and <= 1, got 1.5"),
        ({"shortest_ms": 0}, r"shortest_ms must be > 0, got 0"),
    ],
)
def test_options_out_of_range(options: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        compare([], [], **options)
