"""Index the packets of a video by demuxing; nothing is decoded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import av.error
import numpy as np

from common_ml.errors import DecodeError, NoStreamError
from common_ml.media.clock import JUMP_SECONDS, RESET_SECONDS, may_jump, steady_packets
from common_ml.media.containers import packets_of, video_stream
from common_ml.media.presentation import presentation_of
from common_ml.media.probe import stated_duration
from common_ml.media.rational import rate
from common_ml.media.video.bitstream.packets import reader_of
from common_ml.media.video.keyframe_marks import are_reliable
from common_ml.media.video.packet_table import NO_TIME, PacketRow, PacketTable
from common_ml.stages import within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from common_ml.media.media_file import MediaFile
    from common_ml.media.presentation import Presentation

_DEFAULT_RATE = Fraction(25)


@dataclass(frozen=True, eq=False)
class VideoIndex:
    """The packets of a file's video stream, and its properties."""

    container: str
    """FFmpeg's name of the format."""
    stream_index: int
    """Number of the video stream in its file."""
    codec: str
    """FFmpeg's name of the decoder."""
    time_base: Fraction
    """Seconds per tick."""
    rate: Fraction
    """Frames per second on average; 25 where the file states none."""
    width: int
    """Pixels as stored, before rotation."""
    height: int
    """Pixels as stored, before rotation."""
    stated_seconds: Fraction | None
    """Duration of the video in seconds, as the file states it."""
    packets: PacketTable
    presentation: Presentation
    """How the container wants the pictures shown."""
    has_jumps: bool
    """The timestamps of the file jump; those of `packets` are corrected."""
    truncation: str
    """Why the file is taken for truncated; empty if it is not."""
    refusal: str
    """Why the container cannot be read to its end; empty if it can."""
    num_marked: int
    """Packets that the container marks as damaged, which is a hint."""
    has_palette: bool = False
    """Colours come from a palette, which is stored beside the first packet alone."""
    unread: str = ""
    """What of the file cannot be read, though it is whole; empty if all can."""
    may_reorder: bool = False
    """The stream says that pictures may be decoded in another order than they are shown in."""

    @property
    def period_seconds(self) -> Fraction:
        """Duration of one frame in seconds, on average."""
        return 1 / self.rate


@within("decode")
def read_index(media: MediaFile) -> VideoIndex:
    """Read all packets of a file's pictures; the open container is kept in `media`.

    Raises:
        NoStreamError: the file has no moving pictures.
        MediaError: the file cannot be opened.
    """
    container = media.open(to_end=True)
    try:
        return _index_of_container(container, media)
    finally:
        media.keep(container)


def _index_of_container(container: InputContainer, media: MediaFile) -> VideoIndex:
    stream = pictures_of(container, media)
    context = stream.codec_context
    time_base = rate(stream.time_base) or Fraction(1, 1000)
    found = _read_packets(packets_of(container, stream), stream)
    has_jumps = may_jump(container) and _jumps(found.table, time_base)
    if has_jumps:  # the clock is shared by all streams: they have to be read together
        with media.open() as again:
            same = next(s for s in again.streams.video if s.index == stream.index)
            found = _read_packets(steady_packets(again, same), stream)
    table = found.table
    if not are_reliable(table.is_keyframe, context):
        table = table.with_one_start()
    return VideoIndex(
        container=container.format.name,
        stream_index=stream.index,
        codec=context.name,
        time_base=time_base,
        rate=_average_rate(container, stream, found.table),
        width=context.width,
        height=context.height,
        stated_seconds=None if has_jumps else stated_duration(media, container, stream),
        packets=table,
        presentation=presentation_of(media.head, stream),
        has_jumps=has_jumps,
        truncation=media.head.truncation,
        unread=media.head.unread,
        refusal=found.refusal,
        num_marked=found.num_marked,
        # not its pix_fmt: where nothing was decoded, reading that crashes PyAV 17
        has_palette=context.format is not None and context.format.name == "pal8",
        may_reorder=bool(context.has_b_frames),
    )


def stream_of(container: InputContainer, index: VideoIndex) -> VideoStream:
    """Return the stream that the index was made of, in the same file opened again."""
    return next(s for s in container.streams.video if s.index == index.stream_index)


def pictures_of(container: InputContainer, media: MediaFile) -> VideoStream:
    """Return the video stream to read.

    Raises:
        NoStreamError: there is none.
        DecodeError: its codec is not supported.
    """
    stream = video_stream(container, media)
    name = os.fspath(media.path)
    if stream is None:
        raise NoStreamError(f"{name} has no moving pictures", path=media.path)
    if stream.codec_context is None:
        raise DecodeError(f"{name}: its video codec is not supported", path=media.path)
    return stream


def _jumps(packets: PacketTable, time_base: Fraction) -> bool:
    """Whether decoding times jump, so that the clock has to be corrected."""
    steps = np.diff(packets.dts[packets.dts != NO_TIME])
    return bool(
        np.any(steps > JUMP_SECONDS / time_base) or np.any(steps < -RESET_SECONDS / time_base)
    )


def _average_rate(container: InputContainer, stream: VideoStream, packets: PacketTable) -> Fraction:
    stated = rate(stream.average_rate) or rate(stream.guessed_rate) or _DEFAULT_RATE
    if container.format.name == "avi" and len(packets) > 1 and stream.time_base is not None:
        # Chunks with a picture, and empty ones between: H.264 has an empty one for each field.
        step = int(np.median(np.diff(np.sort(packets.dts))))
        time_base = rate(stream.time_base)
        return 1 / (step * time_base) if step > 1 and time_base else stated
    return stated


class _Found(NamedTuple):
    table: PacketTable
    refusal: str
    num_marked: int


def _read_packets(packets: Iterable[Packet[VideoStream]], stream: VideoStream) -> _Found:
    """Read all packets, and why the file is damaged."""
    rows: list[PacketRow] = []
    refusal, num_marked = "", 0
    reader = reader_of(stream.codec_context.name, stream.codec_context.extradata)
    try:
        for packet in packets:
            if not packet.size:
                continue  # end of stream
            pts, dts, is_keyframe = packet.pts, packet.dts, packet.is_keyframe
            reader.read(memoryview(packet))
            rows.append(
                PacketRow(
                    NO_TIME if pts is None else pts,
                    NO_TIME if dts is None else dts,
                    packet.size,
                    is_keyframe,
                    # a damaged first packet has no usable header: the container's flag counts
                    is_keyframe
                    and (reader.is_random_access_point or (not rows and reader.is_truncated)),
                    not packet.is_discard and not reader.is_hidden,
                    reader.needs_all,
                )
            )
            num_marked += packet.is_corrupt
    except av.error.FFmpegError as error:
        refusal = error.strerror or str(error)
    if not rows and stream.frames and not refusal:
        refusal = f"none of the {stream.frames} pictures of its index can be read"
    return _Found(PacketTable.of(rows), refusal, num_marked)
