"""Copy sections of sound into one MP4, packet by packet, without decoding."""

from __future__ import annotations

import io
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av

from common_ml.media.containers import (
    audio_stream,
    has_decoder,
    packets_of,
    translated_errors,
)
from common_ml.media.media_file import MediaFile
from common_ml.media.rational import fraction
from common_ml.media.sound import start_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

    from common_ml.types import StrPath


@dataclass(frozen=True)
class Stretch:
    """Part of a file's sound."""

    path: StrPath
    start_seconds: float
    """From the start of the file."""
    end_seconds: float
    """From the start of the file, >= start_seconds."""


def copy_sound(stretches: Sequence[Stretch]) -> bytes | None:
    """Return an MP4 file with the stretches one after the other, cut at whole packets.

    Returns:
        None where an MP4 cannot hold them without encoding: a file has no sound, it is PCM or of
        another codec that MP4 does not know, or the files differ in codec, rate or channels.

    Raises:
        MissingMediaError: there is no such file.
        DecodeError: damaged.
    """
    with ExitStack() as stack:
        files = [MediaFile(each.path, with_pixel_format=True) for each in stretches]
        containers = [stack.enter_context(file.open(to_end=True)) for file in files]
        streams = [stream for each in containers if (stream := audio_stream(each)) is not None]
        if len(streams) < len(stretches) or len(set(map(_format, streams))) != 1:
            return None
        if not has_decoder(streams[0]) or streams[0].codec_context.name.startswith("pcm_"):
            return None  # FFmpeg before 6.1 does not put it into MP4; as WAV it is exact
        output = io.BytesIO()
        with av.open(output, "w", format="mp4") as mp4:
            try:
                copy = mp4.add_stream_from_template(streams[0])
            except ValueError:  # the muxer has no name for the codec
                return None
            offset, previous = 0.0, -1
            for stretch, file, container, stream in zip(
                stretches, files, containers, streams, strict=True
            ):
                for seconds, packet in _packets(stretch, file, container, stream):
                    time_base = fraction(packet.time_base)
                    # a packet that reaches beyond its file overlaps the first packet of the next
                    ticks = max(round((offset + seconds) / time_base), previous + 1)
                    packet.dts = packet.pts = previous = ticks
                    packet.stream = copy
                    mp4.mux(packet)
                offset += stretch.end_seconds - stretch.start_seconds
        return output.getvalue()


def _format(stream: AudioStream) -> tuple[object, ...]:
    """Return what must be the same for packets to follow one another in one stream."""
    if not has_decoder(stream):
        return (object(),)  # nothing can be appended
    context = stream.codec_context
    time_base = fraction(stream.time_base) if stream.time_base else None
    return (context.name, context.sample_rate, context.channels, context.extradata, time_base)


def _packets(
    stretch: Stretch, file: MediaFile, container: InputContainer, stream: AudioStream
) -> Iterator[tuple[float, Packet[AudioStream]]]:
    """Give the packets that sound in a stretch, with their seconds from its start, >= 0."""
    zero = start_seconds(file, container)
    with translated_errors(stretch.path, doing="copy the sound of"):
        for packet in packets_of(container, stream):
            if packet.pts is None or packet.time_base is None:
                continue  # end of stream
            time_base = fraction(packet.time_base)
            time = float(packet.pts * time_base)
            zero = time if zero is None else zero
            begin = time - zero
            end = begin + float((packet.duration or 0) * time_base)
            if end > stretch.start_seconds and 0 <= begin < stretch.end_seconds:
                yield max(begin - stretch.start_seconds, 0.0), packet
