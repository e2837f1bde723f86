"""What is in a media file: streams, rate, duration, rotation."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error

from common_ml.errors import LimitError, MediaError
from common_ml.media.containers import audio_stream, open_container, packets_of, video_stream
from common_ml.media.rational import fraction, rate
from common_ml.stages import part_of

if TYPE_CHECKING:
    import os

    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream as AvAudioStream
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream as AvVideoStream


@dataclass(frozen=True)
class VideoStream:
    """The stream of moving pictures."""

    index: int
    """Number of the stream in its file."""
    width: int
    """Pixels, as shown: upright."""
    height: int
    """Pixels, as shown: upright."""
    average_rate: Fraction | None
    """Frames per second; None where the file does not tell."""
    rotation_degrees: int
    """Counterclockwise turn that makes a decoded picture upright: 0, 90, 180 or 270."""
    codec: str
    """FFmpeg's name of it, such as `h264`."""
    pixel_format: str
    """FFmpeg's name of it, such as `yuv420p`; empty if unknown."""
    time_base: Fraction
    """Seconds per tick of a timestamp."""
    num_frames: int | None
    """As the file states it; None if it does not."""
    duration_seconds: Fraction | None
    """As the file states it; None if it does not."""


@dataclass(frozen=True)
class AudioStream:
    """The stream of sound."""

    index: int
    """Number of the stream in its file."""
    codec: str
    """FFmpeg's name of it, such as `aac`."""
    sample_rate: int
    """Samples per second."""
    channels: int
    duration_seconds: Fraction | None
    """As the file states it; None if it does not."""


@dataclass(frozen=True)
class MediaFacts:
    """What a media file holds."""

    path: str | os.PathLike[str]
    container: str
    """FFmpeg's name of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`."""
    duration_seconds: Fraction | None
    """Of the longest stream; None if unknown."""
    video: VideoStream | None
    """The first stream of moving pictures; cover art is none."""
    audio: AudioStream | None
    """The first stream of sound."""


@part_of("decode")
def probe(path: str | os.PathLike[str]) -> MediaFacts:
    """Look into a media file; at most its first picture is decoded (it knows the rotation).

    Raises:
        MissingMediaError: there is no such file.
        LimitError: it is larger or longer than the limits in force allow.
        MediaError: the file is damaged, or no media.
    """
    with open_container(path) as container:
        sound, pictures = audio_stream(container), video_stream(container)
        return MediaFacts(
            path=path,
            container=container.format.name,
            duration_seconds=_container_duration(container),
            audio=None if sound is None else _audio_facts(sound),
            video=None if pictures is None else _video_facts(container, pictures),
        )


def check_limits(path: str | os.PathLike[str]) -> None:
    """Go on, or raise; whatever else may be wrong with the file is for its reader to say.

    Raises:
        LimitError: it is larger or longer than the limits in force allow.
    """
    try:
        open_container(path).close()
    except LimitError:
        raise
    except MediaError:
        return


def stated_duration(container: InputContainer, stream: AvVideoStream) -> Fraction | None:
    """Seconds that the file says its pictures last."""
    own = _stream_duration(stream)
    return own if own is not None else _container_duration(container)


def _container_duration(container: InputContainer) -> Fraction | None:
    return None if container.duration is None else Fraction(container.duration, av.time_base)


def _stream_duration(
    stream: AvVideoStream | AvAudioStream,
) -> Fraction | None:
    if stream.duration is None or stream.time_base is None:
        return None
    return stream.duration * fraction(stream.time_base)


def _audio_facts(stream: AvAudioStream) -> AudioStream:
    context: AudioCodecContext | None = stream.codec_context  # None: a codec without decoder
    return AudioStream(
        index=stream.index,
        codec=context.name if context else "",
        sample_rate=context.sample_rate if context else 0,
        channels=context.channels if context else 0,
        duration_seconds=_stream_duration(stream),
    )


def _video_facts(container: InputContainer, stream: AvVideoStream) -> VideoStream:
    context: VideoCodecContext | None = stream.codec_context  # None: a codec without decoder
    duration = stated_duration(container, stream)
    rotation = _rotation_degrees(container, stream) if context else 0
    size = (context.width, context.height) if context else (0, 0)
    width, height = size if rotation % 180 == 0 else size[::-1]
    return VideoStream(
        index=stream.index,
        width=width,
        height=height,
        average_rate=rate(stream.average_rate),
        rotation_degrees=rotation,
        codec=context.name if context else "",
        # not pix_fmt: without a format, PyAV up to 17 reads through a null pointer for it
        pixel_format=context.format.name if context and context.format else "",
        time_base=rate(stream.time_base) or Fraction(1, av.time_base),
        num_frames=stream.frames or None,
        duration_seconds=duration,
    )


def _rotation_degrees(container: InputContainer, stream: AvVideoStream) -> int:
    """The display rotation; PyAV tells it with a decoded picture only."""
    packets = packets_of(container, stream)
    while True:
        try:
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
        except av.error.FFmpegError:
            continue  # damaged, or a recording that begins between two keyframes
        if frames:
            return frames[0].rotation // 90 * 90 % 360
        if packet is None:
            return 0
