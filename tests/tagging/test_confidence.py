"""Confidences: where they stand, what is one, and that everybody looks in the same place."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data.dataset import Dataset
from common_ml.errors import MessageError
from common_ml.report.columns import columns
from common_ml.tagging.confidence import CONFIDENCE_KEYS, confidence_of
from common_ml.tagging.messages import Progress, Tag
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.wire import encode

if TYPE_CHECKING:
    from pathlib import Path

INFOS: list[tuple[dict[str, Any] | None, float | None]] = [
    (None, None),
    ({}, None),
    ({"confidence": 0.25}, 0.25),
    ({"score": 1, "note": "x"}, 1.0),
    ({"conf": 0.5, "prob": 0.75}, 0.5),
    ({"confidence": "high", "probability": 0.5}, 0.5),
    ({"confidence": 87.5, "score": 0.875}, 0.875),
    ({"confidence": True}, None),
    ({"confidence": -0.1}, None),
    ({"other": 0.5}, None),
]


def test_the_argument_goes_to_additional_info_and_nothing_else_changes() -> None:
    assert Tag(1, 2, "cat", "a.mp4", confidence=0.5) == Tag(
        1, 2, "cat", "a.mp4", additional_info={"confidence": 0.5}
    )
    assert encode(Tag(1, 2, "cat", "a.mp4", confidence=0.5)) == (
        b'{"type":"tag","data":{"start_time":1,"end_time":2,"tag":"cat","source_media":"a.mp4",'
        b'"track":"","additional_info":{"confidence":0.5},"frame_info":null}}\n'
    )
    assert [field.name for field in dataclasses.fields(Tag)] == [
        "start_time", "end_time", "tag", "source_media", "track", "additional_info", "frame_info",
        "vector",
    ]  # fmt: skip


def test_the_authors_dict_is_kept_and_not_changed() -> None:
    info = {"colour": "red", "confidence": 0.1}

    tag = Tag(tag="cat", additional_info=info, confidence=0.5)

    assert tag.additional_info == {"colour": "red", "confidence": 0.5}
    assert info == {"colour": "red", "confidence": 0.1}
    assert FrameTag("cat", additional_info=info, confidence=0.5).info() == tag.additional_info


def test_a_frame_tag_takes_its_track_and_confidence_to_the_tag() -> None:
    made = FrameTag("cat", track="animals", confidence=0.5).to_tag(start_time=1, end_time=1)

    assert made == Tag(1, 1, "cat", track="animals", confidence=0.5)
    assert FrameTag("cat", track="animals").to_tag(track="other").track == "other"
    assert FrameTag("cat").info() is None


def test_tags_can_be_replaced_with_and_without_another_confidence() -> None:
    tag, frame_tag = Tag(tag="cat", confidence=0.5), FrameTag("cat", confidence=0.5)

    assert dataclasses.replace(tag, tag="dog").confidence == 0.5
    assert dataclasses.replace(frame_tag, tag="dog").confidence == 0.5
    assert dataclasses.replace(frame_tag, confidence=0.75).confidence == 0.75


@pytest.mark.parametrize(
    ("given", "kept"),
    [(np.float32(0.25), 0.25), (np.int64(1), 1), (1.000001, 1), (-0.000001, 0), (0, 0)],
)
def test_scalars_are_converted_and_rounding_is_cut(given: Any, kept: float) -> None:
    tag = FrameTag("cat", confidence=given)

    assert tag.confidence == kept
    assert type(tag.confidence) in (int, float)


@pytest.mark.parametrize("given", [87.5, -0.5, math.nan, math.inf, "0.5", True])
@pytest.mark.parametrize("kind", [Tag, FrameTag])
def test_what_is_no_confidence_is_refused(given: Any, kind: type[Any]) -> None:
    with pytest.raises(MessageError, match=r"confidence must be a number from 0 to 1, got .*hint"):
        kind(tag="cat", confidence=given)


@pytest.mark.parametrize(("info", "expected"), INFOS)
def test_pages_and_tags_look_in_the_same_place(
    info: dict[str, Any] | None, expected: float | None
) -> None:
    tag = Tag(0, 1, "a", "a.png", additional_info=info)

    assert confidence_of(info) == tag.confidence == expected
    assert columns([tag], texts={"a": 0}, tracks={"": 0})["sure"] == [expected]


def test_datasets_look_there_too_and_write_back_what_they_read(tmp_path: Path) -> None:
    tags = [
        Tag(0, 0, f"tag {number}", f"{number}.png", additional_info=info or None)
        for number, (info, _) in enumerate(INFOS)
    ]
    lines = [line for tag in tags for line in (encode(tag), encode(Progress(tag.source_media)))]
    (tmp_path / "tags.jsonl").write_bytes(b"".join(lines))

    with Dataset.open(tmp_path / "tags.jsonl") as dataset:
        found = {
            one.label: one.confidence for record in dataset.records() for one in record.annotations
        }
        sure = {
            one.label
            for record in dataset.slice("confidence >= 0.5").records()
            for one in record.annotations
        }
        dataset.to_jsonl(tmp_path / "out.jsonl")

    assert found == {f"tag {number}": expected for number, (_, expected) in enumerate(INFOS)}
    assert sure == {label for label, value in found.items() if value is not None and value >= 0.5}
    assert set((tmp_path / "out.jsonl").read_bytes().splitlines(keepends=True)) == set(lines)


def test_the_first_of_the_usual_keys_is_ours() -> None:
    assert CONFIDENCE_KEYS[0] == "confidence"
