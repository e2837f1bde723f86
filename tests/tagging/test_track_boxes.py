"""Identities over frames: examples, and a twin that tries all assignments."""

from __future__ import annotations

import subprocess
import sys
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml import Tag, track_boxes
from common_ml.tagging.messages import FrameInfo


def seen(frame: int, x: float, *, text: str = "a", size: float = 0.2, **fields: Any) -> Tag:
    box = {"x1": x, "y1": 0.1, "x2": x + size, "y2": 0.1 + size}
    fields.setdefault("source_media", "f.mp4")
    return Tag(frame * 500, frame * 500, text, frame_info=FrameInfo(frame, box), **fields)


def numbers(tags: list[Tag]) -> list[Any]:
    return [(tag.additional_info or {}).get("identity") for tag in tags]


def test_two_objects_keep_their_identities_whatever_their_order() -> None:
    tags = [seen(0, 0.1), seen(0, 0.5), seen(1, 0.55), seen(1, 0.15), seen(2, 0.2), seen(2, 0.6)]

    assert numbers(track_boxes(tags)) == [1, 2, 2, 1, 1, 2]
    assert numbers(track_boxes(tags[::-1])) == [1, 2, 2, 1, 1, 2]


def test_labels_tracks_and_files_are_apart_and_other_tags_stay() -> None:
    whole = Tag(0, 900, "a", "f.mp4")
    tags = [
        seen(0, 0.1, additional_info={"colour": "red"}),
        whole,
        seen(1, 0.1, text="b"),
        seen(1, 0.1, track="t"),
        seen(1, 0.1, source_media="g.mp4"),
    ]

    found = track_boxes(tags)

    assert numbers(found) == [1, None, 2, 3, 1]
    assert found[0].additional_info == {"colour": "red", "identity": 1}
    assert found[1] is whole


def test_an_object_may_be_hidden_for_a_while() -> None:
    tags = [seen(0, 0.1), seen(2, 0.1), seen(5, 0.1)]

    assert numbers(track_boxes(tags, max_gap_seconds=1)) == [1, 1, 2]
    assert numbers(track_boxes(tags, max_gap_seconds=2)) == [1, 1, 1]


def test_the_sum_counts_and_not_the_best_pair() -> None:
    """Greedy matching would give the first box to the second object, and leave a pair below it."""
    before = [seen(0, 0.0), seen(0, 0.1)]
    after = [seen(1, 0.06), seen(1, 0.2)]

    assert numbers(track_boxes(before + after, min_iou=0.2)) == [1, 2, 1, 2]


def iou(one: float, other: float) -> float:
    shared = max(0.0, min(one, other) + 0.2 - max(one, other)) * 0.2
    return shared / (2 * 0.2 * 0.2 - shared)


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True),
    st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True),
)
def test_the_assignment_is_the_best_of_all(first: list[int], second: list[int]) -> None:
    before, after = [x / 40 for x in first], [x / 40 for x in second]

    found = track_boxes([seen(0, x) for x in before] + [seen(1, x) for x in after], min_iou=0.3)

    pairs = [
        (before[number - 1], x)
        for number, x in zip(numbers(found[len(before) :]), after, strict=True)
        if number <= len(before)
    ]
    assert len({one for one, _ in pairs}) == len(pairs)
    assert all(iou(one, x) >= 0.3 - 1e-9 for one, x in pairs)
    longer, shorter = sorted((before, after), key=len, reverse=True)
    best = max(
        sum(value for one, x in zip(order, shorter, strict=True) if (value := iou(one, x)) >= 0.3)
        for order in permutations(longer, len(shorter))
    )
    assert sum(iou(one, x) for one, x in pairs) == pytest.approx(best, abs=1e-6)


def test_without_scipy_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['scipy'] = None\n"
        "from common_ml import Tag, track_boxes\n"
        "box = dict(x1=0, y1=0, x2=1, y2=1)\n"
        "tags = [Tag(n, n, 'a', 'f', frame_info={'frame_idx': n, 'box': box}) for n in (0, 1)]\n"
        "try: track_boxes(tags)\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "scipy, for track_boxes, is not installed" in done.stdout
    assert "pip install '.[track]'" in done.stdout


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="min_iou must be"):
        track_boxes([], min_iou=0)
    with pytest.raises(ValueError, match="max_gap_seconds must be"):
        track_boxes([], max_gap_seconds=-1)
