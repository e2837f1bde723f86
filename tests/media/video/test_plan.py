from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from common_ml.media.video.plan import plan
from common_ml.media.video.timeline import Timeline

# Three groups of an open-GOP stream, as they are stored; keyframes are packets 0, 4 and 8.
# Packets 5 and 6 are shown before keyframe 4, packet 9 before keyframe 8.
SHOWN_AT = [0, 3, 1, 2, 6, 4, 5, 8, 9, 7, 11, 10]
NUMBERS = np.argsort(SHOWN_AT)
TIMELINE = Timeline(
    unit=Fraction(1),
    source="pts",
    unreliable_reason="",
    ticks=np.arange(12),
    numbers=NUMBERS,
    starts=np.array([0, 4, 8]),
    start_ticks=np.array([0, 6, 9]),
)


def test_a_picture_that_leads_its_keyframe_belongs_to_the_group_before() -> None:
    (group,) = plan(TIMELINE, [5], joins=False)
    assert (group.first, group.last, group.takes_leading) == (0, 6, True)


def test_nothing_is_decoded_behind_the_last_wanted_picture() -> None:
    groups = plan(TIMELINE, [1, 6, 9], joins=False)
    assert [(group.first, group.last) for group in groups] == [(0, 2), (4, 4), (8, 8)]
    assert [group.position for group in groups] == [0, 1, 2]


def test_the_furthest_packet_counts_not_the_last_shown() -> None:
    (group,) = plan(TIMELINE, [1, 3], joins=False)  # packets 2 and 1
    assert (group.first, group.last) == (0, 2)


def test_for_a_single_decoder_groups_without_a_gap_are_one() -> None:
    (group,) = plan(TIMELINE, range(12), joins=True)
    assert (group.first, group.last) == (0, 11)
    assert group.indices.tolist() == list(range(12))
    assert len(plan(TIMELINE, [0, 6], joins=True)) == 2


def test_nothing_wanted_is_no_group() -> None:
    assert plan(TIMELINE, [], joins=False) == []


@given(st.sets(st.integers(0, 11), min_size=1), st.booleans())
def test_groups_hold_what_is_wanted_and_the_packets_for_it(wanted: set[int], joins: bool) -> None:
    groups = plan(TIMELINE, sorted(wanted), joins=joins)
    taken = [index for group in groups for index in group.indices.tolist()]
    assert taken == sorted(wanted)
    assert [group.position for group in groups] == [
        sum(len(g) for g in groups[:n]) for n in range(len(groups))
    ]
    for group in groups:
        assert group.first in (0, 4, 8)
        for index in group.indices.tolist():
            assert group.first <= NUMBERS[index] <= group.last
