"""A file's sound as one unbroken line of samples, counted from the start of the file."""

from __future__ import annotations

import logging
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

from common_ml.errors import DecodeError, NoStreamError
from common_ml.media.access import quoted
from common_ml.media.containers import (
    audio_stream,
    has_decoder,
    open_container,
    packets_of,
    translated_errors,
    video_stream,
)
from common_ml.media.rational import fraction
from common_ml.media.wholeness import missing_end
from common_ml.stages import part_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    import numpy.typing as npt
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    Path: TypeAlias = str | os.PathLike[str]
    Block: TypeAlias = npt.NDArray[np.float32]
    _Piece: TypeAlias = tuple[int, Block]  # samples per second; samples, shape (channels, N)

_log = logging.getLogger(__name__)

_BLOCK_SAMPLES = 1 << 15
"""Decoders give a thousand samples at a time, too few for what a call of the resampler costs."""
_SMALLEST_GAP_SECONDS = 0.05
"""Less is no hole: timestamps are off by some milliseconds, in Matroska by rounding alone."""


@part_of("decode")
def sound_blocks(path: Path, *, sample_rate: int, channels: int) -> Iterator[Block]:
    """Decode the first sound stream of a file.

    Args:
        path: The file.
        sample_rate: Samples per second to resample to.
        channels: 1 averages all channels; another number that is not the file's own repeats
            that average in each.

    Yields:
        float32, -1..1, shape (channels, N); together round(duration * sample_rate) samples.

    Raises:
        MediaError: as of `media.audio.read_audio`.
    """
    with open_container(path) as container:
        stream = audio_stream(container)
        if stream is None:
            raise NoStreamError(f"there is no sound in {quoted(path)}", path=path)
        if not has_decoder(stream):
            raise DecodeError(f"{quoted(path)}: its sound codec is not supported", path=path)
        pieces = _aligned(_decoded(container, stream, path), _start_seconds(container, stream))
        num_samples = 0
        for block in _resampled(_mixed(pieces, channels), sample_rate):
            num_samples += block.shape[1]
            yield np.clip(block, -1, 1)
        _check_end(container, path, Fraction(num_samples, sample_rate))


def _decoded(container: InputContainer, stream: AudioStream, path: Path) -> Iterator[AudioFrame]:
    """All frames; a packet that is refused leaves a hole, a file of such packets is an error."""
    num_frames = num_refused = 0
    with translated_errors(path, doing="decode the sound of"):
        for packet in packets_of(container, stream):
            try:
                frames = packet.decode()
            except (av.error.InvalidDataError, av.error.EOFError):
                num_refused += 1
                continue
            num_frames += len(frames)
            yield from frames
    if num_refused and not num_frames:
        raise DecodeError(f"cannot decode the sound of {quoted(path)}: it is damaged", path=path)
    if num_refused:
        _log.warning("%s: %d packets of sound are damaged, and silent", path, num_refused)


def _start_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """When the file starts, on the clock of its timestamps; None: with the first sound."""
    video = video_stream(container)
    if video is None or video.start_time is None or video.time_base is None:
        return None
    return (
        None if stream.start_time is None else float(video.start_time * fraction(video.time_base))
    )


def _aligned(frames: Iterable[AudioFrame], zero: float | None) -> Iterator[_Piece]:
    """Fill holes with zeros, and drop what lies before the start of the file."""
    # Floats are exact to a thousandth of a sample here, and a third of the work of fractions.
    position = 0.0  # seconds from the start of the file to the end of what was given
    for frame in frames:
        rate, samples = frame.sample_rate, _samples(frame)
        zero = frame.time if zero is None else zero
        gap = 0.0 if frame.time is None or zero is None else frame.time - zero - position
        if gap < 0 and not position:
            samples = samples[:, round(-gap * rate) :]
        if gap > 0 and (gap >= _SMALLEST_GAP_SECONDS or not position):
            yield from _silence(rate, round(gap * rate))
            position += round(gap * rate) / rate
        if samples.shape[1]:
            yield rate, samples
        position += samples.shape[1] / rate


def _samples(frame: AudioFrame) -> Block:
    """Of any sample format: float32, shape (channels, N), full scale is 1."""
    samples = frame.to_ndarray()
    if frame.format.is_packed:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        samples = samples.astype(np.int16) - 128
    full_scale = _FULL_SCALES.get(frame.format.name.rstrip("p"), 1)
    return np.multiply(samples, 1 / full_scale, dtype=np.float32, casting="unsafe")


_FULL_SCALES = {"u8": 2**7, "s16": 2**15, "s32": 2**31, "s64": 2**63}


def _silence(rate: int, num_samples: int) -> Iterator[_Piece]:
    for first in range(0, num_samples, _BLOCK_SAMPLES):
        yield rate, np.zeros((1, min(_BLOCK_SAMPLES, num_samples - first)), np.float32)


def _mixed(pieces: Iterable[_Piece], channels: int) -> Iterator[_Piece]:
    for rate, samples in pieces:
        if len(samples) == channels:
            yield rate, samples
        else:
            yield rate, np.repeat(samples.mean(axis=0, keepdims=True), channels, axis=0)


def _resampled(pieces: Iterable[_Piece], sample_rate: int) -> Iterator[Block]:
    # A stream may change its rate; each stretch of one rate is resampled for itself.
    for rate, stretch in groupby(pieces, key=itemgetter(0)):
        blocks = _joined(samples for _, samples in stretch)
        yield from blocks if rate == sample_rate else _converted(blocks, rate, sample_rate)


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    waiting: list[Block] = []
    num_waiting = 0
    for block in blocks:
        waiting.append(block)
        num_waiting += block.shape[1]
        if num_waiting >= _BLOCK_SAMPLES:
            yield np.concatenate(waiting, axis=1)
            waiting, num_waiting = [], 0
    if waiting:
        yield np.concatenate(waiting, axis=1)


def _converted(blocks: Iterable[Block], rate: int, sample_rate: int) -> Iterator[Block]:
    """Resample; the length comes out exact, where the resampler itself rounds up or down."""
    resamplers: list[av.AudioResampler] = []  # one per channel: a layout cannot get in the way
    num_in = num_out = 0
    for block in blocks:
        resamplers = resamplers or [
            av.AudioResampler(format="fltp", layout="mono", rate=sample_rate) for _ in block
        ]
        done = np.stack([_pushed(*pair, rate) for pair in zip(resamplers, block, strict=True)])
        num_in, num_out = num_in + block.shape[1], num_out + done.shape[1]
        yield done
    last = np.stack([_pushed(resampler, None, rate) for resampler in resamplers])
    num_missing = round(Fraction(num_in * sample_rate, rate)) - num_out
    yield np.pad(last, ((0, 0), (0, max(0, num_missing - last.shape[1]))))[:, :num_missing]


def _pushed(
    resampler: av.AudioResampler, samples: Block | None, rate: int
) -> npt.NDArray[np.float32]:
    frame = None
    if samples is not None:
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[np.newaxis]), format="fltp", layout="mono"
        )
        frame.sample_rate = rate
    parts = [done.to_ndarray()[0] for done in resampler.resample(frame)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _check_end(container: InputContainer, path: Path, decoded_seconds: Fraction) -> None:
    why = missing_end(path, container.format.name)
    if why:
        raise DecodeError(
            f"{quoted(path)} is damaged or truncated: decoded {float(decoded_seconds):.1f} s"
            f" of its sound ({why})",
            path=path,
        )
