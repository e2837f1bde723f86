"""Remux a file's streams to MP4, packet by packet, without re-encoding."""

from __future__ import annotations

import os
from operator import attrgetter
from typing import TYPE_CHECKING

import av

from common_ml.errors import DecodeError
from common_ml.media.containers import demuxing, is_cover, translated_errors
from common_ml.media.media_file import MediaFile
from common_ml.media.rational import fraction

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

    from common_ml.types import StrPath


def remux_to_mp4(source: StrPath, output: StrPath) -> None:
    """Copy video, sound and MP4 subtitles; the first of them starts at zero.

    Raises:
        MissingMediaError: there is no such file.
        DecodeError: damaged or truncated, or of a codec that mp4 does not hold.
    """
    media = MediaFile(source, with_pixel_format=True)
    with media.open(to_end=True) as container:
        why = media.head.truncation
        if why:
            raise DecodeError(f"{os.fspath(source)} is truncated: {why}", path=source)
        with (
            translated_errors(source, doing="copy"),
            av.open(
                f"file:{os.fspath(output)}",
                "w",
                format="mp4",
                container_options={"movflags": "+faststart"},
            ) as mp4,
        ):
            _copy(container, mp4, source)


def _copy(container: InputContainer, mp4: OutputContainer, source: StrPath) -> None:
    kept = _kept(container)
    if not kept:
        raise DecodeError(f"there is nothing to copy in {os.fspath(source)}", path=source)
    try:
        copies = {stream.index: mp4.add_stream_from_template(stream) for stream in kept}
    except ValueError as error:  # the muxer has no name for the codec
        raise DecodeError(
            f"cannot copy {os.fspath(source)} to mp4: {error}", path=source
        ) from error
    starts = [s.start_time * fraction(s.time_base) for s in kept if s.start_time and s.time_base]
    start = min(starts) if len(starts) == len(kept) else 0  # only if all start times are known
    with demuxing(container, kept) as packets:
        for packet in packets:
            if packet.dts is None:
                continue  # end of stream
            ticks = round(start / fraction(packet.time_base))
            packet.dts -= ticks
            packet.pts = None if packet.pts is None else packet.pts - ticks
            packet.stream = copies[packet.stream.index]
            mp4.mux(packet)


def _kept(container: InputContainer) -> list[Stream]:
    streams = container.streams
    pictures = [stream for stream in streams.video if not is_cover(stream)]
    words = [stream for stream in streams.subtitles if stream.codec_context.name == "mov_text"]
    return sorted([*pictures, *streams.audio, *words], key=attrgetter("index"))
