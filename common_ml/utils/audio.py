"""Cut sound across consecutive media files, as if they were one."""

from __future__ import annotations

import io
import os
import wave
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from common_ml.errors import MediaError, NoStreamError
from common_ml.media.probe import probe
from common_ml.media.sound import sound_blocks
from common_ml.media.sound_copy import Stretch, copy_sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt
    from typing_extensions import Self

    from common_ml.types import StrPath

_SAME_LENGTH_SECONDS = 0.1
"""Tolerance in seconds: parts of equal length differ by a video frame or an audio block."""


@dataclass(frozen=True)
class AudioPart:
    """A file, and its position in time."""

    path: StrPath
    duration: float
    """Seconds."""
    start_offset: float
    """Seconds from the start of the first part."""
    sample_rate: int = 0
    """Samples per second; 0 if the file has no sound."""
    channels: int = 0
    """0 if the file has no sound."""

    @property
    def end_offset(self) -> float:
        """Seconds from the start of the first part; the next part starts there."""
        return self.start_offset + self.duration


class AudioStitcher:
    """Cut sound from consecutive files, audio or video.

    stitcher = AudioStitcher()
    stitcher.probe(["part_1.mp4", "part_2.mp4"])
    mp4 = stitcher.stitch(28.5, 31)  # across the cut
    """

    def __init__(self, parts: Iterable[AudioPart] = ()) -> None:
        self.parts = list(parts)
        """Parts in order of time."""

    def probe(
        self,
        files: Iterable[StrPath],
        expect_same_length: bool = True,  # noqa: FBT001, FBT002 - as existing repos call it
    ) -> Self:
        """Probe consecutive files; they become the parts.

        Args:
            files: In any order; they are sorted by name, which must be the order of time.
            expect_same_length: Whether all parts but the last must be of about the same length.

        Returns:
            The stitcher itself.

        Raises:
            MediaError: a file is missing, no media, or not as long as the first one.
        """
        parts: list[AudioPart] = []
        paths = sorted(files, key=os.fspath)
        for path in paths:
            part = _measured(path, start=parts[-1].end_offset if parts else 0.0)
            parts.append(part)
            unequal = abs(part.duration - parts[0].duration) > _SAME_LENGTH_SECONDS
            if expect_same_length and unequal and len(parts) < len(paths):
                raise MediaError(
                    f"the parts must be of the same length, got {part.duration:.2f} s for"
                    f" {os.fspath(path)} and {parts[0].duration:.2f} s for the first one;"
                    " hint: pass expect_same_length=False",
                    path=path,
                )
        self.parts = parts
        return self

    @property
    def total_duration(self) -> float:
        """Seconds."""
        return self.parts[-1].end_offset if self.parts else 0.0

    def stitch(self, start_time: float, end_time: float) -> bytes:
        """Cut out the sound between two times.

        Args:
            start_time: Seconds from the start of the first part, >= 0.
            end_time: The same, > start_time and <= total_duration.

        Returns:
            An MP4 file with the packets of the sound as they are, which is cut where they begin,
            if MP4 holds the codec of the parts and all have the same. Else a WAV file that is cut
            exactly: 16 bits, at the rate and with the channels of the first part that has sound.
            Other parts are resampled, and where their number of channels differs all channels get
            their average. A part without sound is silent.

        Raises:
            ValueError: the times are out of range.
            NoStreamError: no part has sound.
            DecodeError: a part is damaged.
        """
        model = next((part for part in self.parts if part.channels), None)
        if model is None:
            names = ", ".join(os.fspath(part.path) for part in self.parts) or "no files"
            raise NoStreamError(f"there is no sound in {names}", path=names)
        if not 0 <= start_time < end_time <= self.total_duration:
            raise ValueError(
                f"expected 0 <= start_time < end_time <= {self.total_duration} (total_duration),"
                f" got {start_time}, {end_time}"
            )
        needed = [
            part
            for part in self.parts
            if part.start_offset < end_time and part.end_offset > start_time
        ]
        copied = copy_sound([_stretch(part, start_time, end_time) for part in needed])
        return copied if copied is not None else _wav(needed, start_time, end_time, model)


def _stretch(part: AudioPart, start_time: float, end_time: float) -> Stretch:
    return Stretch(
        part.path,
        max(start_time - part.start_offset, 0.0),
        min(end_time - part.start_offset, part.duration),
    )


def _wav(parts: Iterable[AudioPart], start_time: float, end_time: float, model: AudioPart) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setnchannels(model.channels)
        output.setsampwidth(2)
        output.setframerate(model.sample_rate)
        for part in parts:
            for block in _cut(part, start_time, end_time, model):
                output.writeframes(_pcm(block))
    return file.getvalue()


def _measured(path: StrPath, *, start: float) -> AudioPart:
    facts = probe(path)
    rate, channels = (facts.audio.sample_rate, facts.audio.channels) if facts.audio else (0, 0)
    duration = facts.duration_seconds
    if duration is None and rate:  # a bare stream states no length
        blocks = sound_blocks(path, sample_rate=rate, channels=1)
        duration = Fraction(sum(block.shape[1] for block in blocks), rate)
    return AudioPart(path, float(duration or 0), start, rate, channels)


def _cut(
    part: AudioPart, start_time: float, end_time: float, model: AudioPart
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield a part's sound between two times, padded with silence to the exact length."""
    rate, channels = model.sample_rate, model.channels
    offset = round(part.start_offset * rate)
    first = max(round(start_time * rate) - offset, 0)
    last = min(round(min(end_time, part.end_offset) * rate), round(part.end_offset * rate)) - offset
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
    # 32768, so that 16-bit files are unchanged.
    return np.clip(np.rint(block.T * 32768), -32768, 32767).astype("<i2").tobytes()
