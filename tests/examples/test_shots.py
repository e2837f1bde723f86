"""The shots example, end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.examples.contract_run import CLIP, TRUTH, need, run_example
from tests.examples.remux import sound_of, with_variable_rate

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.examples, need("scenedetect")]

NAME = "media/clip.mp4"


def test_finds_every_shot_and_every_cut(tmp_path: Path) -> None:
    """Cuts at the exact frame, shots that cover the clip without a gap, then the progress."""
    outcome = run_example("shots", tmp_path, {NAME: CLIP}, {"threshold": 3.0})

    assert outcome.exit_status == 0, outcome.stderr
    assert outcome.stdout == ""
    assert outcome.messages[-1] == {"type": "progress", "data": {"source_media": NAME}}
    tags = outcome.data("tag")
    assert len(tags) == len(outcome.messages) - 1
    assert {(tag["source_media"], tag["track"], tag["tag"]) for tag in tags} == {
        (NAME, "shot", "shot"),
        (NAME, "cut", "cut"),
    }
    cuts = [tag for tag in tags if tag["track"] == "cut"]
    assert [tag["frame_info"] for tag in cuts] == [
        {"frame_idx": frame, "box": None} for frame in TRUTH["cuts"]
    ]
    # Frames 76, 149, 212 and 288 at 24 fps.
    assert [(tag["start_time"], tag["end_time"]) for tag in cuts] == [
        (3167, 3167),
        (6208, 6208),
        (8833, 8833),
        (12000, 12000),
    ]
    shots = [tag for tag in tags if tag["track"] == "shot"]
    assert [(tag["start_time"], tag["end_time"], tag["frame_info"]) for tag in shots] == [
        (0, 3167, None),
        (3167, 6208, None),
        (6208, 8833, None),
        (8833, 12000, None),
        (12000, 14000, None),
    ]


def test_variable_rate_keeps_frames_and_times_apart(tmp_path: Path) -> None:
    """Where frames are missing, cuts keep their times, and frames are counted as they come."""
    source = tmp_path / "source.mkv"
    frames = with_variable_rate(CLIP, source, keep=TRUTH["cuts"])

    work = tmp_path / "work"
    outcome = run_example("shots", work, {"media/clip.mkv": source})

    assert outcome.exit_status == 0, outcome.stderr
    cuts = [tag for tag in outcome.data("tag") if tag["track"] == "cut"]
    assert [(tag["frame_info"]["frame_idx"], tag["start_time"]) for tag in cuts] == [
        (frames.index(frame), round(frame * 1000 / 24)) for frame in TRUTH["cuts"]
    ]


def test_min_shot_seconds_leaves_short_shots_out(tmp_path: Path) -> None:
    """The third shot lasts 2.6 s: a minimum of 2.8 s keeps it together with the next one."""
    outcome = run_example("shots", tmp_path, {NAME: CLIP}, {"min_shot_seconds": 2.8})

    cuts = [tag for tag in outcome.data("tag") if tag["track"] == "cut"]
    assert [tag["start_time"] for tag in cuts] == [3167, 6208, 12000]


def test_pictures_and_sound_have_no_shots(tmp_path: Path) -> None:
    """What is no video gives an error that says so; the video beside it is tagged."""
    sound = sound_of(CLIP, tmp_path / "source.m4a")
    picture = cv2.imencode(".png", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
    files: dict[str, Path | bytes] = {"still.png": picture, "sound.m4a": sound, NAME: CLIP}

    outcome = run_example("shots", tmp_path / "work", files, {"continue_on_error": True})

    assert outcome.exit_status == 0, outcome.stderr
    assert outcome.data("error") == [
        {
            "message": "ValueError: shots are found in videos only, got image: still.png",
            "source_media": "still.png",
        },
        {
            "message": "ValueError: shots are found in videos only, got audio: sound.m4a",
            "source_media": "sound.m4a",
        },
    ]
    assert outcome.data("progress") == [{"source_media": NAME}]


def test_wrong_params_are_told(tmp_path: Path) -> None:
    """One error line that says what is wrong, and an exit status that is not 0."""
    outcome = run_example("shots", tmp_path, {NAME: CLIP}, {"threshold": -1.0})

    assert outcome.exit_status != 0
    [message] = outcome.messages
    assert message["type"] == "error"
    assert "threshold must be > 0, got -1.0" in message["data"]["message"]
