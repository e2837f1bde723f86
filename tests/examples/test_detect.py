"""The detect example, end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.examples.contract_run import CLIP, need, run_example

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.examples, need("rapidocr", "onnxruntime", "scipy")]

NAME = "media/clip.mp4"


def test_regions_keep_their_identities(tmp_path: Path) -> None:
    """Two lines in the first shot, one in the second; the clip is 640x360."""
    outcome = run_example("detect", tmp_path, {NAME: CLIP}, {"rate": 1.0})

    assert outcome.exit_status == 0, outcome.stderr
    tags = [tag for tag in outcome.data("tag") if tag["frame_info"]]
    seen: dict[int, list[int]] = {}
    for tag in tags:
        assert tag["tag"] == "text"
        assert 0.5 <= tag["additional_info"]["confidence"] <= 1
        box = tag["frame_info"]["box"]
        assert 0 <= box["x1"] < box["x2"] <= 1
        assert 0 <= box["y1"] < box["y2"] <= 1
        seen.setdefault(tag["additional_info"]["identity"], []).append(tag["start_time"])
    assert seen[1] == seen[2] == [0, 1000, 2000, 3000]
    upper, lower = (tag["frame_info"]["box"] for tag in tags[:2])
    assert upper["x1"] * 640 == pytest.approx(140, abs=4)
    assert upper["y1"] * 360 == pytest.approx(88, abs=4)
    assert lower["y2"] * 360 == pytest.approx(270, abs=4)
    (first, *_) = [tag for tag in outcome.data("tag") if not tag["frame_info"]]
    assert first["start_time"] == 0
    assert first["additional_info"]["num_frames"] >= 7
    assert outcome.messages[-1] == {"type": "progress", "data": {"source_media": NAME}}


def test_wrong_params_are_told(tmp_path: Path) -> None:
    outcome = run_example("detect", tmp_path, {NAME: CLIP}, {"min_iou": 0})

    assert outcome.exit_status != 0
    [message] = outcome.messages
    assert "min_iou must be > 0 and <= 1, got 0" in message["data"]["message"]
