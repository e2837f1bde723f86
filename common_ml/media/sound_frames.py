"""Collect decoded sound frames into large blocks of float samples, mixed to the wanted channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import av
import numpy as np

from common_ml.media.downmix import mono_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import numpy.typing as npt
    from av.audio.frame import AudioFrame

    Samples: TypeAlias = npt.NDArray[np.float32]

BLOCK_SAMPLES = 1 << 16
"""Samples per block; decoders give about a thousand, too few for the cost of each further step."""
_MISCOUNTED_PLANES = 8
"""PyAV counts planes up to the first null pointer, and there is none after eight of them."""


class SoundBlock(NamedTuple):
    """A block of sound at one rate."""

    rate: int
    """Samples per second."""
    samples: Samples
    """float32, shape (channels, N), full scale is 1."""


class FrameCollector:
    """Join frames to blocks; they are mixed block by block."""

    def __init__(self, channels: int, codec: str = "") -> None:
        """Prepare.

        Args:
            channels: As for `sound.sound_blocks`.
            codec: FFmpeg's name of the codec; it may say which channels there are.
        """
        self._channels = channels
        self._codec = codec
        self._fifo = av.AudioFifo()
        self._layout = ""

    def add(self, frame: AudioFrame) -> list[SoundBlock]:
        """Add a frame; return the blocks that are large enough or end with a format change."""
        frame.pts = None  # samples are continuous whatever the timestamps are
        blocks: list[SoundBlock] = []
        channels = frame.layout
        # Of two it does not matter which they are, and a name costs as much as all else here.
        layout = channels.name if channels.nb_channels > 2 else str(channels.nb_channels)
        if layout != self._layout:  # the queue does not compare all of it
            blocks, self._layout = self._rest(), layout
        try:
            self._fifo.write(frame)
        except ValueError:  # format or rate changed
            blocks += self._rest()
            self._fifo.write(frame)
        return blocks + self.take() if self._fifo.samples >= BLOCK_SAMPLES else blocks

    def take(self) -> list[SoundBlock]:
        """Return everything collected so far."""
        if not self._fifo.samples_written:
            return []
        frame = self._fifo.read(0, True)  # noqa: FBT003 - PyAV has no keyword for it
        return [] if frame is None else [self._block(frame)]

    def _rest(self) -> list[SoundBlock]:
        """Return everything collected so far; the next frame may have another format."""
        blocks = self.take()
        self._fifo = av.AudioFifo()
        return blocks

    def part(self, frame: AudioFrame, num_dropped: int) -> list[SoundBlock]:
        """Convert one frame, without its first samples."""
        block = self._block(frame)
        kept = block.samples[:, num_dropped:]
        return [SoundBlock(block.rate, kept)] if kept.shape[1] else []

    def _block(self, frame: AudioFrame) -> SoundBlock:
        num_channels = frame.layout.nb_channels
        if num_channels == self._channels:
            return SoundBlock(frame.sample_rate, _floats(frame))
        mono = _mixed(_planes(frame), mono_weights(frame.layout.name, num_channels, self._codec))
        mixed = mono[np.newaxis]
        if self._channels > 1:
            mixed = np.repeat(mixed, self._channels, axis=0)
        return SoundBlock(frame.sample_rate, mixed)


def _planes(frame: AudioFrame) -> Sequence[Samples]:
    """Return the samples of each channel; planar floats, which most codecs give, are not copied."""
    if frame.format.name == "fltp" and frame.layout.nb_channels < _MISCOUNTED_PLANES:
        num_samples = frame.samples
        planes = [memoryview(plane) for plane in frame.planes]
        return [np.frombuffer(plane, np.float32, num_samples) for plane in planes]
    return list(_floats(frame))


def _mixed(planes: Sequence[Samples], weights: Samples) -> Samples:
    """Mix channels to one, shape (N,)."""
    if len(planes) == 2 and weights[0] == weights[1]:
        mono: Samples = np.add(planes[0], planes[1])
        mono *= weights[0]
        return mono
    mono = np.multiply(planes[0], weights[0])
    for weight, plane in zip(weights[1:], planes[1:], strict=True):
        if weight:
            mono += plane * weight
    return mono


def _floats(frame: AudioFrame) -> Samples:
    """Convert any sample format to float32, shape (channels, N), full scale is 1."""
    if frame.format.is_planar and frame.layout.nb_channels >= _MISCOUNTED_PLANES:
        frame = _converted(frame, frame.format.packed.name)
    if frame.format.name in _WITHOUT_NUMPY:
        frame = _converted(frame, "dbl")
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if frame.format.is_packed:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.float32:
        return np.asarray(samples)
    if samples.dtype == np.uint8:
        samples = samples.astype(np.int16) - 128
    full_scale = _FULL_SCALES.get(frame.format.name.rstrip("p"), 1)
    scaled: Samples = np.multiply(samples, 1 / full_scale, dtype=np.float32, casting="unsafe")
    return scaled


def _converted(frame: AudioFrame, sample_format: str) -> AudioFrame:
    """Convert to another format at the same rate, so that the resampler holds nothing back."""
    converter = av.AudioResampler(sample_format, frame.layout, frame.sample_rate)
    (converted,) = converter.resample(frame)
    return converted


_WITHOUT_NUMPY = frozenset({"s64", "s64p"})
"""Sample formats that PyAV does not convert to arrays."""


_FULL_SCALES = {"u8": 2**7, "s16": 2**15, "s32": 2**31}
