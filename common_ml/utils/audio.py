"""The sound of consecutive files as one."""

from __future__ import annotations

import io
import logging
import os
import wave
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from common_ml.errors import NoStreamError
from common_ml.media.probe import probe
from common_ml.media.sound import sound_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt
    from typing_extensions import Self

_log = logging.getLogger(__name__)

_SAME_LENGTH_SECONDS = 0.1
"""Parts that were cut at the same length differ by a frame of video or a block of sound."""


@dataclass(frozen=True)
class AudioPart:
    """A file, and when it plays."""

    path: str | os.PathLike[str]
    start_time: float
    """Seconds from the start of the first part."""
    end_time: float
    """Seconds from the start of the first part; the next part starts there."""
    sample_rate: int
    """Samples per second; 0 if the file has no sound."""
    channels: int
    """0 if the file has no sound."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.end_time - self.start_time


class AudioStitcher:
    """Cuts sound out of files, audio or video, that follow one another.

    stitcher = AudioStitcher.probe(["part_1.mp4", "part_2.mp4"])
    wav = stitcher.stitch(28.5, 31)  # across the cut
    """

    def __init__(self, parts: Sequence[AudioPart] = ()) -> None:
        self.parts = list(parts)
        """In order of time."""

    @classmethod
    def probe(
        cls,
        files: Iterable[str | os.PathLike[str]],
        expect_same_length: bool = True,  # noqa: FBT001, FBT002 - as existing repos call it
    ) -> Self:
        """Measure files that follow one another.

        Args:
            files: In order.
            expect_same_length: Warn in the log if parts, the last one aside, are not of about the
                same length. Every part is measured in any case.

        Raises:
            MediaError: a file is missing, or no media.
        """
        parts: list[AudioPart] = []
        for path in files:
            parts.append(_measured(path, start=parts[-1].end_time if parts else 0.0))
        for part in parts[1:-1] if expect_same_length else ():
            if abs(part.duration - parts[0].duration) > _SAME_LENGTH_SECONDS:
                _log.warning(
                    "%s lasts %.2f s, the first part %.2f s",
                    part.path,
                    part.duration,
                    parts[0].duration,
                )
        return cls(parts)

    @property
    def total_duration(self) -> float:
        """Seconds."""
        return self.parts[-1].end_time if self.parts else 0.0

    def stitch(self, start_time: float, end_time: float) -> bytes:
        """Cut out the sound between two times.

        Args:
            start_time: Seconds from the start of the first part.
            end_time: The same; what lies beyond the last part is left out.

        Returns:
            A WAV file: 16 bits, at the rate and with the channels of the first part that has
            sound. Other parts are resampled, and where their number of channels differs all
            channels get their average. A part without sound is silent.

        Raises:
            ValueError: the times are no stretch of time.
            NoStreamError: no part has sound.
            DecodeError: a part is damaged.
        """
        if not 0 <= start_time <= end_time:
            raise ValueError(f"expected 0 <= start_time <= end_time, got {start_time}, {end_time}")
        model = next((part for part in self.parts if part.channels), None)
        if model is None:
            names = ", ".join(os.fspath(part.path) for part in self.parts) or "no files"
            raise NoStreamError(f"there is no sound in {names}", path=names)
        file = io.BytesIO()
        with wave.open(file, "wb") as output:
            output.setnchannels(model.channels)
            output.setsampwidth(2)
            output.setframerate(model.sample_rate)
            for part in self.parts:
                for block in _cut(part, start_time, end_time, model):
                    output.writeframes(_pcm(block))
        return file.getvalue()


def _measured(path: str | os.PathLike[str], *, start: float) -> AudioPart:
    facts = probe(path)
    rate, channels = (facts.audio.sample_rate, facts.audio.channels) if facts.audio else (0, 0)
    duration = facts.duration_seconds
    if duration is None and rate:  # a bare stream states no length
        blocks = sound_blocks(path, sample_rate=rate, channels=1)
        duration = Fraction(sum(block.shape[1] for block in blocks), rate)
    return AudioPart(path, start, start + float(duration or 0), rate, channels)


def _cut(
    part: AudioPart, start_time: float, end_time: float, model: AudioPart
) -> Iterator[npt.NDArray[np.float32]]:
    """What of a part lies between two times; exactly as long as that, with silence at its end."""
    rate, channels = model.sample_rate, model.channels
    offset = round(part.start_time * rate)
    first = max(round(start_time * rate) - offset, 0)
    last = min(round(min(end_time, part.end_time) * rate), round(part.end_time * rate)) - offset
    position = 0
    if part.channels and first < last:
        for block in sound_blocks(part.path, sample_rate=rate, channels=channels):
            piece = block[:, max(first - position, 0) : max(last - position, 0)]
            position += block.shape[1]
            first += piece.shape[1]
            yield piece
            if position >= last:
                break
    if first < last:
        yield np.zeros((channels, last - first), np.float32)


def _pcm(block: npt.NDArray[np.float32]) -> bytes:
    # 32768, so that a file of 16 bits comes out as it was.
    return np.clip(np.rint(block.T * 32768), -32768, 32767).astype("<i2").tobytes()
