"""Decode a file's sound to continuous samples from the start of the file; holes become zeros.

All on the calling thread: between the thousands of short calls of a decoder a second thread takes
the interpreter's lock so often that both together are slower than one.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

from common_ml.errors import DecodeError, LimitError, NoStreamError
from common_ml.media import limits
from common_ml.media.access import is_about_access, quoted
from common_ml.media.clock import clocked_packets
from common_ml.media.containers import (
    audio_stream,
    has_decoder,
    translated_errors,
    video_stream,
)
from common_ml.media.damage import Findings, report
from common_ml.media.media_file import MediaFile
from common_ml.media.sound_frames import BLOCK_SAMPLES, FrameCollector, SoundBlock
from common_ml.media.video.sequential import first_picture_seconds
from common_ml.stages import within

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    import numpy.typing as npt
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

    from common_ml.types import StrPath

    Path: TypeAlias = StrPath
    Block: TypeAlias = npt.NDArray[np.float32]

_log = logging.getLogger(__name__)

_SMALLEST_GAP_SECONDS = 0.05
"""Smaller gaps are no holes: timestamps are off by milliseconds, in Matroska by rounding alone."""
_ALLOWED_SECONDS = 7200.0
_MIN_BYTES_PER_SECOND = 50
"""Longer sound has more bytes than this; with fewer it is holes, or a rate of 1 Hz."""


@within("decode")
def sound_blocks(path: Path, *, sample_rate: int, channels: int) -> Iterator[Block]:
    """Decode the first sound stream of a file.

    Args:
        path: The file.
        sample_rate: Samples per second to resample to.
        channels: 1 mixes all channels by `downmix.mono_weights`; any other number that is not
            the file's own repeats that mix in each.

    Yields:
        float32, -1..1, shape (channels, N); together round(duration * sample_rate) samples.

    Raises:
        MediaError: as for `media.audio.read_audio`.
    """
    media = MediaFile(path)
    with media.open(to_end=True) as container:
        stream = audio_stream(container, media)
        if stream is None:
            raise NoStreamError(f"there is no sound in {quoted(path)}", path=path)
        if not has_decoder(stream):
            raise DecodeError(f"{quoted(path)}: its sound codec is not supported", path=path)
        decoder = _SoundDecoder(container, stream, media, channels)
        num_samples = 0
        # the resampler refuses a rate of gigahertz, for want of memory
        with translated_errors(path, doing="resample the sound of"):
            for block in _resampled(decoder.blocks(), sample_rate):
                num_samples += block.shape[1]
                yield np.clip(block, -1, 1, out=block)
        decoder.report(Fraction(num_samples, sample_rate))


def start_seconds(media: MediaFile, container: InputContainer) -> float | None:
    """Return when the file starts, on its clock: its first picture; None: the first sound."""
    if video_stream(container) is None:
        return None
    first = first_picture_seconds(media)
    return None if first is None else float(first)


class _SoundDecoder:
    """Decode one stream to large blocks of float samples without holes."""

    def __init__(
        self, container: InputContainer, stream: AudioStream, media: MediaFile, channels: int
    ) -> None:
        self._container = container
        self._stream = stream
        self._media = media
        self._path = media.path
        self._channels = channels
        self._num_frames = self._num_refused = 0
        self._refusal = ""  # error at which the container could not be read on
        self._unusual: av.error.FFmpegError | None = None  # refusal that may say more than damage

    def blocks(self) -> Iterator[SoundBlock]:
        """Yield all sound, with zeros in holes, without what is before the start of the file.

        Raises:
            MediaError: as for `media.audio.read_audio`.
        """
        # Floats are exact to a thousandth of a sample here, and three times as fast as fractions.
        position = 0.0  # seconds from the start of the file to the end of what was given
        zero = start_seconds(self._media, self._container)
        allowed = _ALLOWED_SECONDS + self._media.head.num_bytes / _MIN_BYTES_PER_SECOND
        collected = FrameCollector(self._channels, self._stream.codec_context.codec.canonical_name)
        for frame in self._decoded():
            time, rate = frame.time, frame.sample_rate
            zero = time if zero is None else zero
            gap = 0.0 if time is None or zero is None else time - zero - position
            if gap < 0 and not position:
                for block in collected.part(frame, round(-gap * rate)):
                    yield block
                    position += block.samples.shape[1] / rate
                continue
            if gap > 0 and (gap >= _SMALLEST_GAP_SECONDS or not position):
                self._check_length(position + gap, allowed)
                yield from collected.take()
                yield from self._silence(rate, round(gap * rate))
                position += round(gap * rate) / rate
            position += frame.samples / rate
            for block in collected.add(frame):
                self._check_length(position, allowed)
                yield block
        self._check_length(position, allowed)
        yield from collected.take()

    def report(self, decoded_seconds: Fraction) -> None:
        """Report the damage, by the policy in force.

        Raises:
            DecodeError: the sound is broken.
        """
        if self._num_refused:  # silent, and in their place: not a reason to fail
            _log.warning(
                "%s: %d packet%s of sound damaged, and silent",
                quoted(self._path),
                self._num_refused,
                "s"[: self._num_refused != 1],
            )
        container = self._container
        # WAV states what it should hold; where it was not read on, no statement is believed
        is_stated = (
            container.duration is not None
            and container.format.name != "wav"
            and self._media.head.states_length
        )
        report(
            Findings(
                what="sound",
                num_decoded=1,
                decoded_seconds=decoded_seconds,
                stated_seconds=Fraction(container.duration or 0, av.time_base)
                if is_stated and not self._refusal
                else None,
                period_seconds=Fraction(1, 5),
                truncation=self._media.head.truncation,
                refusal=self._refusal,
                unread=self._media.head.unread,
            ),
            self._path,
        )

    def _decoded(self) -> Iterator[AudioFrame]:
        """Yield all frames; a refused packet leaves a hole; raise if none is decoded."""
        with translated_errors(self._path, doing="decode the sound of"):
            for packet in self._packets():
                if packet.size:  # empty: the decoder would take it for end of stream
                    yield from self._frames_of(packet)
            if self._num_frames or not self._num_refused:
                yield from self._frames_of(None)
            if self._unusual is not None and not self._num_frames:
                raise self._unusual
        if self._num_refused and not self._num_frames:
            raise DecodeError(
                f"cannot decode the sound of {quoted(self._path)}: it is damaged", path=self._path
            )

    def _frames_of(self, packet: Packet[AudioStream] | None) -> list[AudioFrame]:
        """Decode a packet, or what the decoder still holds; nothing if the decoder refuses it."""
        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError as error:
            # AC-3 has errors of its own beside invalid data, others any errno
            if not isinstance(error, (av.error.InvalidDataError, av.error.EOFError)):
                self._unusual = error
            self._num_refused += 1
            return []
        self._num_frames += len(frames)
        return frames

    def _packets(self) -> Iterator[Packet[AudioStream]]:
        """Yield the packets as far as the container can be read."""
        try:
            yield from clocked_packets(self._container, self._stream)
        except av.error.FFmpegError as error:
            if not self._num_frames or (isinstance(error, OSError) and is_about_access(error)):
                raise
            self._refusal = error.strerror or str(error)

    def _silence(self, rate: int, num_samples: int) -> Iterator[SoundBlock]:
        for first in range(0, num_samples, BLOCK_SAMPLES):
            size = min(BLOCK_SAMPLES, num_samples - first)
            yield SoundBlock(rate, np.zeros((self._channels, size), np.float32))

    def _check_length(self, seconds: float, allowed: float) -> None:
        """Check decoded sound, holes included, against the limits: headers are not reliable."""
        # the end is a sum of times: a microsecond is less than a sample, and its rounding error
        limits.in_force().check_duration(self._path, round(seconds, 6))
        if seconds > allowed:
            raise LimitError(
                f"the sound of {quoted(self._path)} is too long: it reaches {seconds:.1f} s, and a"
                f" file of its size can hold at most {allowed:.1f} s",
                path=self._path,
            )


def _resampled(pieces: Iterable[SoundBlock], sample_rate: int) -> Iterator[Block]:
    # A stream may change its rate; each section of one rate is resampled separately.
    for rate, stretch in groupby(pieces, key=attrgetter("rate")):
        blocks = (block.samples for block in stretch)
        yield from blocks if rate == sample_rate else _converted(blocks, rate, sample_rate)


def _converted(blocks: Iterable[Block], rate: int, sample_rate: int) -> Iterator[Block]:
    """Resample to the exact length, where the resampler itself rounds up or down."""
    resamplers: list[av.AudioResampler] = []  # one per channel: the layout does not matter
    num_in = num_out = 0
    for block in _divided(blocks, max(1, BLOCK_SAMPLES * rate // sample_rate)):
        resamplers = resamplers or [
            av.AudioResampler(format="fltp", layout="mono", rate=sample_rate) for _ in block
        ]
        done = _stacked([_pushed(*pair, rate) for pair in zip(resamplers, block, strict=True)])
        num_in, num_out = num_in + block.shape[1], num_out + done.shape[1]
        yield done
    last = _stacked([_pushed(resampler, None, rate) for resampler in resamplers])
    num_missing = round(Fraction(num_in * sample_rate, rate)) - num_out
    yield np.pad(last, ((0, 0), (0, max(0, num_missing - last.shape[1]))))[:, :num_missing]


def _stacked(channels: list[npt.NDArray[np.float32]]) -> Block:
    return channels[0][np.newaxis] if len(channels) == 1 else np.stack(channels)


def _divided(blocks: Iterable[Block], num_samples: int) -> Iterator[Block]:
    """Split blocks that would become far larger by resampling."""
    for block in blocks:
        for first in range(0, block.shape[1], num_samples):
            yield block[:, first : first + num_samples]


def _pushed(
    resampler: av.AudioResampler, samples: Block | None, rate: int
) -> npt.NDArray[np.float32]:
    frame = None
    if samples is not None:
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[np.newaxis]), format="fltp", layout="mono"
        )
        frame.sample_rate = rate
    parts: list[npt.NDArray[np.float32]] = [
        done.to_ndarray()[0] for done in resampler.resample(frame)
    ]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
