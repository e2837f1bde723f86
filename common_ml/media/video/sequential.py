"""Decode every picture of a video in order: the reference for all faster strategies."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av.error
from av.codec.context import Flags

from common_ml.media.clock import clocked_packets, steady_packets
from common_ml.media.containers import has_decoder, packets_of, video_stream
from common_ml.media.rational import fraction, rate
from common_ml.media.video.index import stream_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from common_ml.media.media_file import MediaFile
    from common_ml.media.video.index import VideoIndex

_MARKS_JOINS = frozenset({"mpegts", "mpeg"})
_MAX_UNTIMED_PICTURES = 250
"""Pictures without a time before the first one that has one; Matroska has no times below zero."""
_MAX_PACKETS_BEFORE_PICTURE = 2000
"""Packets; a minute and more between two keyframes, at usual rates."""


class SequentialDecoder:
    """Decode a file from its beginning to its end, or as far as it can be read.

    Packets that cannot be decoded before the first picture are skipped: the file may be a
    recording that began between two keyframes. A packet refused later loses its own picture.
    """

    def __init__(self, media: MediaFile, index: VideoIndex, *, threads: int = 1) -> None:
        """Prepare to decode.

        Args:
            media: The file.
            index: The packets of the file.
            threads: Decoder threads. The pictures of a whole file are the same with any number;
                those of a damaged one are only defined for one thread.
        """
        self._media = media
        self._threads = threads
        self._index = index
        self.refused_dts: list[int | None] = []
        """Decoding times of the packets that the decoder refused since the first picture."""
        self.num_unusable = 0
        """Packets that the decoder refused before the first picture."""
        self.refusal = ""
        """Why the container could not be read to its end; empty if it could up to now."""

    @property
    def is_damaged(self) -> bool:
        """Whether something was refused up to now."""
        return bool(self.refused_dts or self.refusal)

    def __iter__(self) -> Iterator[VideoFrame]:
        """Yield all pictures, including those that the decoder marks as damaged (`is_corrupt`)."""
        with self._media.open(to_end=True) as container:
            stream = stream_of(container, self._index)
            set_threads(stream, self._threads)
            yield from self._decode(container, stream)

    def _decode(self, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
        has_begun = False
        packets = _packets(container, stream, has_jumps=self._index.has_jumps)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                self.refusal = error.strerror or str(error)
                packet = None
            if packet is None:
                yield from self._drained(stream)
                return
            if not packet.size:
                continue  # the decoder is drained above
            frames = _decoded(stream, packet, is_cut_off=is_cut_off(packet, container.format.name))
            if frames is None:
                if has_begun:
                    self.refused_dts.append(packet.dts)
                else:
                    self.num_unusable += 1
                continue
            has_begun = has_begun or bool(frames)
            yield from frames

    def _drained(self, stream: VideoStream) -> list[VideoFrame]:
        """Return the pictures that the decoder still holds."""
        try:
            return stream.codec_context.decode(None)
        except av.error.FFmpegError:
            self.refused_dts.append(None)
            return []


def _decoded(
    stream: VideoStream, packet: Packet[VideoStream], *, is_cut_off: bool
) -> list[VideoFrame] | None:
    """Decode a packet; None if the decoder refuses it, or it is too damaged to try."""
    if is_cut_off:
        return None
    try:
        return stream.codec_context.decode(packet)
    except av.error.FFmpegError:
        return None


def is_cut_off(packet: Packet[VideoStream], container: str) -> bool:
    """Whether the end of a packet is missing; many decoders would return garbage for it.

    Args:
        packet: The demuxed packet.
        container: FFmpeg's name of the format; MPEG streams mark packets for other reasons, too.
    """
    return packet.is_corrupt and container not in _MARKS_JOINS


def first_picture_seconds(media: MediaFile) -> Fraction | None:
    """Return when the first picture is shown, on the file's clock: the origin of its times.

    None if there are no moving pictures, or none that can be decoded.

    Raises:
        MediaError: the file cannot be opened.
    """
    with media.open(beyond_limits=True) as container:
        stream = video_stream(container, media)
        if stream is None or not has_decoder(stream) or stream.time_base is None:
            return None
        set_threads(stream, 1)
        num_untimed = 0
        for frame in _first_pictures(container, stream):
            if container.format.name == "avi":
                return Fraction(0)  # it has decoding times alone: they begin at zero
            if frame.pts is not None:
                period = 1 / (
                    rate(stream.average_rate) or rate(stream.guessed_rate) or Fraction(25)
                )
                return frame.pts * fraction(stream.time_base) - num_untimed * period
            num_untimed += 1
            if num_untimed > _MAX_UNTIMED_PICTURES:
                return Fraction(0)
    return Fraction(0) if num_untimed else None


def _first_pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield the first pictures, passing over what is refused; none if they come too late."""
    has_begun = False
    for number, packet in enumerate(clocked_packets(container, stream)):
        if number > _MAX_PACKETS_BEFORE_PICTURE and not has_begun:
            return
        try:
            frames = stream.codec_context.decode(packet if packet.size else None)
        except av.error.FFmpegError:
            continue
        has_begun = has_begun or bool(frames)
        yield from frames


def _packets(
    container: InputContainer, stream: VideoStream, *, has_jumps: bool
) -> Iterator[Packet[VideoStream]]:
    if has_jumps:
        return steady_packets(container, stream)
    return packets_of(container, stream)


def set_threads(stream: VideoStream, threads: int) -> None:
    """Set the number of decoder threads; call it before the decoder is first used."""
    # Crops of the bitstream are exact, where FFmpeg would rather keep its memory aligned.
    stream.codec_context.flags |= Flags.unaligned
    # One more than are busy: it takes the next picture while a finished one is returned.
    stream.codec_context.thread_count = threads + 1 if threads > 1 else 1
    stream.codec_context.thread_type = "FRAME" if threads > 1 else "NONE"
    if threads > 1:
        # A picture may be returned before the thread that decodes it marks it as damaged: let
        # the decoder refuse the packet instead. What follows is decoded by one thread.
        options = stream.codec_context.options  # the limit on pixels is in the same dict
        stream.codec_context.options = {**options, "err_detect": "explode"}
