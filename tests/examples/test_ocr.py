"""The OCR example, end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.examples.contract_run import CLIP, TRUTH, need, run_example

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.examples, need("rapidocr", "onnxruntime")]

NAME = "media/clip.mp4"
Box = dict[str, float]


def test_reads_the_words_of_each_second(tmp_path: Path) -> None:
    """Every text at every sampled frame that shows it, its runs, then the file's progress."""
    outcome = run_example("ocr", tmp_path, {NAME: CLIP}, {"min_confidence": 0.6})

    assert outcome.exit_status == 0, outcome.stderr
    assert outcome.stdout == ""
    assert outcome.messages[-1] == {"type": "progress", "data": {"source_media": NAME}}
    tags = outcome.data("tag")
    assert len(tags) == len(outcome.messages) - 1
    assert {tag["source_media"] for tag in tags} == {NAME}

    in_frames = [tag for tag in tags if tag["frame_info"] is not None]
    assert tags[: len(in_frames)] == in_frames
    # One frame a second of 24 fps: frames 0, 24, ... 312. The truth lists words from top to bottom.
    assert [
        (tag["start_time"], tag["end_time"], tag["frame_info"]["frame_idx"], tag["tag"])
        for tag in in_frames
    ] == [
        (second * 1000, second * 1000, second * 24, words["text"])
        for second in range(14)
        for words in TRUTH["words"]
        if words["first_frame"] <= second * 24 <= words["last_frame"]
    ]
    # A run ends one frame period (1000/24 ms) after its last frame.
    assert sorted(
        (tag["start_time"], tag["end_time"], tag["tag"]) for tag in tags[len(in_frames) :]
    ) == [
        (0, 3042, "HARBOUR"),
        (0, 3042, "Monday 07:45"),
        (4000, 6042, "MARKET STREET"),
        (9000, 11042, "PLATFORM 9"),
        (11000, 11042, "Last train 23:10"),
        (12000, 13042, "GOOD NIGHT"),
    ]


def test_boxes_lie_around_the_words(tmp_path: Path) -> None:
    """Each box overlaps the drawn letters' extent by more than half, and the model is sure of it.

    More than half: rapidocr's boxes leave a margin around the letters.
    """
    outcome = run_example("ocr", tmp_path, {NAME: CLIP}, {"fps": 0.25})

    drawn = {words["text"]: words["box"] for words in TRUTH["words"]}
    tags = [tag for tag in outcome.data("tag") if tag["frame_info"] is not None]
    assert [tag["frame_info"]["frame_idx"] for tag in tags] == [0, 0, 96, 288]
    for tag in tags:
        assert overlap(tag["frame_info"]["box"], drawn[tag["tag"]]) > 0.5, tag
        assert 0.9 < tag["additional_info"]["confidence"] <= 1


def test_min_confidence_leaves_text_out(tmp_path: Path) -> None:
    """No text is surer than certain: with 1.0 only the progress is left."""
    outcome = run_example("ocr", tmp_path, {NAME: CLIP}, {"fps": 0.1, "min_confidence": 1.0})

    assert outcome.exit_status == 0, outcome.stderr
    assert outcome.messages == [{"type": "progress", "data": {"source_media": NAME}}]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"min_confidence": 2.0}, "min_confidence must be 0..1, got 2.0"),
        ({"min_confidence": "high"}, "$.min_confidence"),
        ({"min_confidance": 0.7}, 'did you mean "min_confidence"?'),
    ],
)
def test_wrong_params_are_told(params: dict[str, object], words: str, tmp_path: Path) -> None:
    """One error line that says what is wrong, and an exit status that is not 0."""
    outcome = run_example("ocr", tmp_path, {NAME: CLIP}, params)

    assert outcome.exit_status != 0
    [message] = outcome.messages
    assert message["type"] == "error"
    assert message["data"]["source_media"] is None
    assert words in message["data"]["message"]


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one["x2"], other["x2"]) - max(one["x1"], other["x1"])
    height = min(one["y2"], other["y2"]) - max(one["y1"], other["y1"])
    both = max(width, 0) * max(height, 0)
    return both / (area(one) + area(other) - both)


def area(box: Box) -> float:
    return (box["x2"] - box["x1"]) * (box["y2"] - box["y1"])
