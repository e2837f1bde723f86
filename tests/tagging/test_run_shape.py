"""Shaped runs: exact examples, a brute-force twin, and the tagger's own runs."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml import merge_runs
from common_ml.errors import ParamsError
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import TagMessageProducer
from tests.media import recipes

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


def span(start: int, end: int, text: str = "a", **fields: Any) -> Tag:
    return Tag(start, end, text, "f.mp4", **fields)


def test_a_hole_is_bridged_up_to_its_length() -> None:
    tags = [span(0, 1000, confidence=0.5), span(2000, 3000, confidence=1.0)]

    assert merge_runs(tags, gap_seconds=0.999) == tags
    assert merge_runs(tags, gap_seconds=1) == [
        span(0, 3000, additional_info={"confidence": 0.75, "best_confidence": 1.0, "num_tags": 2})
    ]


def test_touching_and_overlapping_ranges_join_by_default() -> None:
    tags = [span(5, 20), span(0, 10), span(20, 30), span(31, 40)]

    assert merge_runs(tags) == [span(0, 30, additional_info={"num_tags": 3}), span(31, 40)]


def test_frames_weigh_the_mean_and_the_best_is_kept() -> None:
    first = {"confidence": 0.5, "best_confidence": 0.9, "num_frames": 3, "colour": "red", "a": 1}
    second = {"confidence": 0.75, "num_frames": 1, "colour": "red", "a": 2}

    (run,) = merge_runs([span(0, 3, additional_info=first), span(3, 4, additional_info=second)])

    assert run.additional_info == {
        "colour": "red", "confidence": 0.5625, "best_confidence": 0.9, "num_frames": 4,
    }  # fmt: skip


def test_flicker_and_doubt_are_dropped_after_joining() -> None:
    tags = [
        span(0, 400, confidence=0.2),
        span(500, 1000, confidence=0.6),
        span(5000, 5100, confidence=0.9),
        span(9000, 9900, confidence=0.1),
        span(9000, 9900, "unknown"),
    ]

    found = merge_runs(tags, gap_seconds=0.2, min_seconds=0.5, min_confidence=0.4)

    assert [(run.start_time, run.end_time, run.tag, run.confidence) for run in found] == [
        (0, 1000, "a", 0.4),
        (9000, 9900, "unknown", None),
    ]


def test_tags_of_frames_and_with_vectors_stay_as_they_are() -> None:
    frame = span(0, 0, frame_info=FrameInfo(0))
    vector = span(0, 10, vector=[1.0])
    other = Tag(0, 10, "a", "other.mp4")

    found = merge_runs([span(5, 15), frame, other, vector, span(0, 10)], min_seconds=0.01)

    assert found == [frame, vector, span(0, 15, additional_info={"num_tags": 2}), other]


@pytest.mark.parametrize(
    "wrong", [{"gap_seconds": -1}, {"min_seconds": float("nan")}, {"min_confidence": 1.5}]
)
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        merge_runs([], **wrong)


RANGES = st.builds(
    lambda start, length, text, track, sure: Tag(
        start, start + length, text, "f.mp4", track, confidence=sure
    ),
    st.integers(0, 60),
    st.integers(0, 6),
    st.sampled_from("ab"),
    st.sampled_from(["", "t"]),
    st.none() | st.sampled_from([0, 0.25, 0.5, 1]),
)


def brute_force(tags: list[Tag], gap_ms: int, min_ms: int, least: Fraction) -> list[Any]:
    """Connected components of "at most a gap apart", by trying all pairs again and again."""
    group = list(range(len(tags)))
    for _ in tags:
        for one, other in combinations(range(len(tags)), 2):
            a, b = tags[one], tags[other]
            alike = (a.tag, a.track) == (b.tag, b.track)
            distance = max(a.start_time, b.start_time) - min(a.end_time, b.end_time)
            if alike and distance <= gap_ms:
                group[one] = group[other] = min(group[one], group[other])
    found = []
    for number in set(group):
        members = [tag for tag, of in zip(tags, group, strict=True) if of == number]
        start = min(tag.start_time for tag in members)
        end = max(tag.end_time for tag in members)
        sure = [Fraction(tag.confidence) for tag in members if tag.confidence is not None]
        mean = sum(sure, Fraction(0)) / len(sure) if sure else None
        if end - start >= min_ms and (mean is None or mean >= least):
            best = float(max(sure)) if sure else None
            close = None if mean is None else round(float(mean), 6)
            found.append((start, members[0].tag, members[0].track, end, close, best, len(members)))
    return sorted(found, key=repr)


@given(
    st.lists(RANGES, max_size=14),
    st.integers(0, 8),
    st.sampled_from([0, 3, 10]),
    st.sampled_from([0, 0.25, 0.5]),
)
def test_merging_is_that_of_brute_force(
    tags: list[Tag], gap_ms: int, min_ms: int, least: float
) -> None:
    found = merge_runs(
        tags, gap_seconds=gap_ms / 1000, min_seconds=min_ms / 1000, min_confidence=least
    )

    facts = []
    for run in found:
        info = run.additional_info or {}
        best = info.get("best_confidence", info.get("confidence"))
        facts.append(
            (run.start_time, run.tag, run.track, run.end_time, run.confidence,
             None if best is None else float(best), info.get("num_tags", 1))
        )  # fmt: skip
    assert sorted(facts, key=repr) == brute_force(tags, gap_ms, min_ms, Fraction(least))
    assert merge_runs(found, gap_seconds=gap_ms / 1000) == found


class Scripted(FrameModel):
    """Says for each frame what a script says; pictures are told apart by their brightness."""

    def __init__(self, script: list[list[FrameTag]]) -> None:
        self.script, self.calls = script, 0

    def tag_frame(self, img: np.ndarray[Any, Any]) -> list[FrameTag]:
        self.calls += 1
        return self.script[self.calls - 1]


def runs_of(clip: Path, script: list[list[FrameTag]], **options: Any) -> list[tuple[Any, ...]]:
    producer = TagMessageProducer.from_model(
        Scripted(script), fps=4, allow_single_frame=options.pop("allow_single_frame", True),
        options=SdkOptions(**options),
    )  # fmt: skip
    tags = [message for message in producer.produce([str(clip)]) if isinstance(message, Tag)]
    assert len([tag for tag in tags if tag.frame_info]) == sum(map(len, script))
    return [
        (tag.start_time, tag.end_time, tag.track, tag.additional_info)
        for tag in tags
        if not tag.frame_info
    ]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 4 frames a second."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    recipes.write(path, recipes.Video(num_frames=8, rate=Fraction(4)))
    return path


NONE: list[FrameTag] = []


def test_runs_carry_nothing_where_the_model_gives_no_confidence(clip: Path) -> None:
    old = FrameTag("a", additional_info={"confidence": 0.5})

    assert runs_of(clip, [[old], [old], NONE, [old], *[NONE] * 4]) == [
        (0, 500, "", None),
        (750, 1000, "", None),
    ]


def test_runs_carry_mean_best_and_number_where_it_does(clip: Path) -> None:
    script = [[FrameTag("a", track="t", confidence=sure)] for sure in (0.5, 1.0)] + [NONE] * 6

    assert runs_of(clip, script) == [
        (0, 500, "t", {"confidence": 0.75, "best_confidence": 1.0, "num_frames": 2})
    ]


def test_keys_shape_runs_also_of_models_that_write_the_confidence_themselves(clip: Path) -> None:
    def old(sure: float) -> list[FrameTag]:
        return [FrameTag("a", additional_info={"score": sure})]

    script = [old(0.5), NONE, old(1.0), old(0.75), NONE, NONE, NONE, old(0.25)]

    assert runs_of(clip, script, run_gap_seconds=0.25) == [
        (0, 1000, "", {"confidence": 0.75, "best_confidence": 1.0, "num_frames": 3}),
        (1750, 2000, "", {"confidence": 0.25, "best_confidence": 0.25, "num_frames": 1}),
    ]
    kept = runs_of(clip, script, run_gap_seconds=0.25, run_min_confidence=0.5)
    assert [run[:2] for run in kept] == [(0, 1000)]
    kept = runs_of(clip, script, run_gap_seconds=0.25, run_min_seconds=0.3)
    assert [run[:2] for run in kept] == [(0, 1000)]
    kept = runs_of(clip, script, run_gap_seconds=0.25, allow_single_frame=False)
    assert [run[:2] for run in kept] == [(0, 1000)]


def test_single_frames_are_counted_after_bridging(clip: Path) -> None:
    script = [[FrameTag("a")], NONE, [FrameTag("a")], *[NONE] * 5]

    assert runs_of(clip, script, allow_single_frame=False) == []
    assert runs_of(clip, script, allow_single_frame=False, run_gap_seconds=1) == [
        (0, 750, "", {"num_frames": 2})
    ]


def test_the_keys_shape_the_ranges_of_a_whole_file_too(tmp_path: Path) -> None:
    class Windows(AVModel):
        def tag(self, fpath: str) -> list[Tag]:
            return [Tag(start, start + 1000, "loud", confidence=0.5) for start in (0, 1500, 9000)]

    sound = tmp_path / "a.wav"
    sound.write_bytes(b"RIFF")
    plain = TagMessageProducer.from_model(Windows())
    shaped = TagMessageProducer.from_model(Windows(), options=SdkOptions(run_gap_seconds=0.5))

    assert len(list(plain.produce([str(sound)]))) == 4
    merged, last, progress = shaped.produce([str(sound)])
    assert merged == Tag(
        0, 2500, "loud", str(sound),
        additional_info={"confidence": 0.5, "best_confidence": 0.5, "num_tags": 2},
    )  # fmt: skip
    assert last == Tag(9000, 10000, "loud", str(sound), confidence=0.5)
    assert progress == Progress(str(sound))


@pytest.mark.parametrize(
    ("key", "value"),
    [("run_gap_seconds", -1), ("run_min_seconds", "1"), ("run_min_confidence", 1.5)],
)
def test_wrong_values_of_the_keys_are_named(key: str, value: object) -> None:
    with pytest.raises(ParamsError, match=rf"{key} must be a .*@ \$\.common_ml\.{key}"):
        SdkOptions.from_params(json.loads(json.dumps({"common_ml": {key: value}})))
