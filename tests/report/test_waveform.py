"""Peaks of sound, compared with the samples."""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.media.audio import read_audio
from common_ml.media.synthesis import write_sound
from common_ml.report.located import locate
from common_ml.report.waveform import MAX_PEAKS, PEAKS_PER_SECOND, SAMPLE_RATE, waveform

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seconds", [1, 45])
def test_each_peak_is_the_loudest_sample_of_its_part(tmp_path: Path, seconds: int) -> None:
    write_sound(tmp_path / "a.wav", seconds=seconds)
    media = locate("a.wav", [tmp_path])

    peaks = np.frombuffer(base64.b64decode(waveform(media, 60)), np.uint8)

    count = min(seconds * PEAKS_PER_SECOND, MAX_PEAKS)
    samples = np.abs(read_audio(tmp_path / "a.wav", SAMPLE_RATE))
    edges = [round(n * seconds * SAMPLE_RATE / count) for n in range(count + 1)]
    loudest = [samples[start:end].max() for start, end in pairwise(edges)]
    assert len(peaks) == count
    assert peaks.max() > 0
    assert peaks / 255 == pytest.approx(loudest, abs=0.004)


def test_there_is_none_of_what_is_too_long_or_silent_or_gone(
    tmp_path: Path, known_clip: Path
) -> None:
    write_sound(tmp_path / "a.wav", seconds=2)

    assert waveform(locate("a.wav", [tmp_path]), 1.9) == ""
    assert waveform(locate(str(known_clip), [tmp_path]), 60) == ""  # a film without sound
    assert waveform(locate("gone.wav", [tmp_path]), 60) == ""
