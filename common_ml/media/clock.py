"""Correct jumps and resets of timestamps, with one clock for all streams of a file."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from common_ml.media.containers import interleaved_packets, is_cover
from common_ml.media.rational import fraction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

JUMP_SECONDS = 10
"""A step of more than this is a jump of the clock, not a pause: FFmpeg's `dts_delta_threshold`."""
_TS_DISCONT = 0x200
"""AVFMT_TS_DISCONT: the format allows discontinuities of its timestamps."""
RESET_SECONDS = Fraction(1, 10)
"""A step back by more than this resets the clock, as in FFmpeg."""


def may_jump(container: InputContainer) -> bool:
    """Whether timestamps of this format may jump: MPEG streams, Ogg, NUT."""
    return bool(container.format.flags & _TS_DISCONT)


def clocked_packets(
    container: InputContainer, stream: VideoStream | AudioStream
) -> Iterator[Packet[Any]]:
    """Yield the packets of one stream, with corrected times where those of its format may jump."""
    if may_jump(container):
        return steady_packets(container, stream)
    return interleaved_packets(container, [stream])


def steady_packets(
    container: InputContainer, stream: VideoStream | AudioStream
) -> Iterator[Packet[Any]]:
    """Yield the packets of one stream with their times on the file's clock, as `packets_of`.

    The packets of all video and sound streams are read, since the clock is that of the file: a
    pause of one stream while another goes on is not a jump.
    """
    pictures = [other for other in container.streams.video if not is_cover(other)]
    clock = FileClock()
    for packet in interleaved_packets(container, [*pictures, *container.streams.audio]):
        header = _theora_header(packet)
        if header == _THEORA_COMMENT:
            continue  # decoders refuse it
        if header:
            packet.pts = packet.dts = None
        elif packet.size:
            clock.correct(packet)
        if packet.stream.index == stream.index:
            yield packet


def _theora_header(packet: Packet[Any]) -> int:
    """Return the kind of header (Theora, 6.1) of a further link of an Ogg chain; 0: a picture.

    Headers take no time. Those of the other codecs are read by the demuxer.
    """
    context = packet.stream.codec_context
    if not packet.size or context is None or context.name != "theora":
        return 0
    first = memoryview(packet)[0]
    return first if first & 0x80 else 0


_THEORA_COMMENT = 0x81


@dataclass
class _StreamClock:
    last: Fraction
    """Decoding time of the last packet, corrected."""
    expected: Fraction
    """Decoding time of the next one, if nothing jumps."""


class FileClock:
    """Correct the times of a file's packets, in file order.

    It follows `ts_discontinuity_process` of the ffmpeg program (fftools/ffmpeg_demux.c), but that a
    step which the other streams do not make is a pause.
    """

    def __init__(self) -> None:
        self._offset = self._former_offset = Fraction(0)
        self._streams: dict[int, _StreamClock] = {}
        self._last: Fraction | None = None  # of any stream

    def correct(self, packet: Packet[Any]) -> None:
        """Set the packet's times to those on the file's clock."""
        base = fraction(packet.time_base)
        dts, pts = packet.dts, packet.pts
        if dts is not None and pts is not None and abs(pts - dts) * base > JUMP_SECONDS:
            # After a jump FFmpeg may continue the decoding times from before it.
            packet.dts = dts = pts
        offset = self._offset
        if dts is not None:
            offset = self._follow(packet, base, dts * base)
        elif pts is not None:
            offset = self._jumped(self._streams.get(packet.stream.index), pts * base)
        if offset:
            ticks = round(offset / base)
            packet.dts = None if packet.dts is None else packet.dts + ticks
            packet.pts = None if packet.pts is None else packet.pts + ticks

    def _follow(self, packet: Packet[Any], base: Fraction, stated: Fraction) -> Fraction:
        """Return the offset of a packet with a decoding time."""
        known = self._streams.get(packet.stream.index)
        offset = self._offset
        if known is not None and self._is_straggler(known, stated):
            offset = self._former_offset
        elif known is not None and stated + offset + RESET_SECONDS < known.last:
            offset = self._set(known.expected - stated)
        else:
            offset = self._jumped(known, stated)
        time = stated + offset
        duration = (packet.duration or 0) * base
        step = time - known.last if known is not None and not duration else duration
        self._streams[packet.stream.index] = _StreamClock(time, time + max(step, Fraction(0)))
        self._last = time
        return offset

    def _is_straggler(self, known: _StreamClock, stated: Fraction) -> bool:
        """Whether a packet is from before the last correction: it continues its stream."""
        return (
            abs(stated + self._former_offset - known.expected) <= RESET_SECONDS
            and abs(stated + self._offset - known.expected) > RESET_SECONDS
        )

    def _jumped(self, known: _StreamClock | None, stated: Fraction) -> Fraction:
        """Return the offset of a packet; a new one if the clock jumps to it."""
        # A new stream is aligned to the others; a continued one to its expected time.
        expected = self._last if known is None else known.expected
        time = stated + self._offset
        if expected is None or abs(time - expected) <= JUMP_SECONDS or not self._is_alone(time):
            return self._offset
        return self._set(expected - stated)

    def _set(self, offset: Fraction) -> Fraction:
        self._former_offset, self._offset = self._offset, offset
        return offset

    def _is_alone(self, time: Fraction) -> bool:
        """Whether no stream is near this time."""
        return all(abs(time - stream.last) > JUMP_SECONDS for stream in self._streams.values())
