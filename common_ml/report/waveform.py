"""Reduce audio to peaks, which the page draws as a waveform."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING

import numpy as np

from common_ml.errors import MediaError
from common_ml.media.audio import audio_windows

if TYPE_CHECKING:
    from common_ml.report.located import Media

MAX_PEAKS = 2_000
"""Maximum number of peaks per file: the columns of a wide screen."""
PEAKS_PER_SECOND = 50
"""Peaks per second of a short file."""
MAX_SECONDS_PER_PAGE = 3600
"""Seconds of audio decoded per page: some ten seconds of work."""
SAMPLE_RATE = 8000
"""Sample rate in hertz; sufficient for peaks."""
_WINDOW_SECONDS = 10


def waveform(media: Media, seconds_left: float) -> str:
    """Return the peaks of a file's audio; "" where there is none, or it is too long.

    Args:
        media: The file.
        seconds_left: Seconds of sound that may still be decoded.

    Returns:
        Base64 of one byte per equal part of the duration: its largest absolute sample, where 255
        is full scale.
    """
    duration = media.duration_seconds
    if (
        media.path is None
        or media.kind not in {"audio", "video"}
        or not 0 < duration <= seconds_left
    ):
        return ""
    count = max(min(MAX_PEAKS, math.ceil(duration * PEAKS_PER_SECOND)), 1)
    num_samples = max(round(duration * SAMPLE_RATE), 1)
    peaks = np.zeros(count, np.float32)
    try:
        for window in audio_windows(
            media.path, window_seconds=_WINDOW_SECONDS, sample_rate=SAMPLE_RATE
        ):
            first = round(window.start_seconds * SAMPLE_RATE)
            numbers = first + np.arange(len(window.samples), dtype=np.int64)
            places = np.minimum(numbers * count // num_samples, count - 1)
            np.maximum.at(peaks, places, np.abs(window.samples))
    except MediaError:
        if not peaks.any():
            return ""  # no sound, or damaged from the beginning
    levels = np.round(np.minimum(peaks, 1) * 255).astype(np.uint8)
    return base64.b64encode(levels.tobytes()).decode("ascii")
