"""Probe a media file: streams, rate, duration, rotation."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error

from common_ml.errors import LimitError, MediaError
from common_ml.media.containers import audio_stream, packets_of, video_stream
from common_ml.media.geometry import UPRIGHT, orientation_of
from common_ml.media.media_file import MediaFile, open_container
from common_ml.media.presentation import presentation_of
from common_ml.media.rational import fraction, rate
from common_ml.stages import within

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream as AvAudioStream
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream as AvVideoStream

    from common_ml.media.geometry import Orientation
    from common_ml.types import StrPath


@dataclass(frozen=True)
class VideoStream:
    """The video stream."""

    index: int
    """Number of the stream in its file."""
    width: int
    """Pixels, as shown: upright."""
    height: int
    """Pixels, as shown: upright."""
    average_rate: Fraction | None
    """Frames per second; None where the file does not state it."""
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
    is_mirrored: bool = False
    """Whether a decoded picture is mirrored left to right before its rotation."""


@dataclass(frozen=True)
class AudioStream:
    """The sound stream."""

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
    """The streams and properties of a media file."""

    path: StrPath
    container: str
    """FFmpeg's name of the format, such as `mov,mp4,m4a,3gp,3g2,mj2`."""
    duration_seconds: Fraction | None
    """Of the longest stream; None if unknown."""
    video: VideoStream | None
    """The first video stream; cover art does not count."""
    audio: AudioStream | None
    """The first stream of sound."""


@within("decode")
def probe(path: StrPath) -> MediaFacts:
    """Probe a media file; at most its first picture is decoded (for the rotation).

    Raises:
        MissingMediaError: there is no such file.
        LimitError: it is larger or longer than the limits in force allow.
        MediaError: the file is damaged, or no media.
    """
    media = MediaFile(path)
    with media.open() as container:
        sound, pictures = audio_stream(container, media), video_stream(container, media)
        states_length = media.head.states_length
        return MediaFacts(
            path=path,
            container=container.format.name,
            duration_seconds=_container_duration(container) if states_length else None,
            audio=None if sound is None else _audio_facts(sound, states_length=states_length),
            video=None if pictures is None else _video_facts(media, container, pictures),
        )


def check_limits(path: StrPath) -> None:
    """Raise if the file exceeds the limits; other problems are left to its reader.

    Raises:
        LimitError: it is larger or longer than the limits in force allow.
    """
    try:
        open_container(path).close()
    except LimitError:
        raise
    except MediaError:
        return


def stated_duration(
    media: MediaFile, container: InputContainer, stream: AvVideoStream
) -> Fraction | None:
    """Return the duration of the video in seconds, as the file states it; None if it does not."""
    if not media.head.states_length:
        return None
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


def _audio_facts(stream: AvAudioStream, *, states_length: bool) -> AudioStream:
    context: AudioCodecContext | None = stream.codec_context  # None: a codec without decoder
    return AudioStream(
        index=stream.index,
        codec=context.name if context else "",
        sample_rate=context.sample_rate if context else 0,
        channels=context.channels if context else 0,
        duration_seconds=_stream_duration(stream) if states_length else None,
    )


def _video_facts(media: MediaFile, container: InputContainer, stream: AvVideoStream) -> VideoStream:
    context: VideoCodecContext | None = stream.codec_context  # None: a codec without decoder
    duration = stated_duration(media, container, stream)
    orientation = _orientation(container, stream) if context else UPRIGHT
    size = (
        presentation_of(media.head, stream).crop.size(context.width, context.height)
        if context
        else (0, 0)
    )
    width, height = size[::-1] if orientation.swaps_sides else size
    return VideoStream(
        index=stream.index,
        width=width,
        height=height,
        average_rate=rate(stream.average_rate),
        rotation_degrees=90 * orientation.quarter_turns,
        is_mirrored=orientation.is_mirrored,
        codec=context.name if context else "",
        # not pix_fmt: without a format, PyAV up to 17 reads through a null pointer for it
        pixel_format=context.format.name if context and context.format else "",
        time_base=rate(stream.time_base) or Fraction(1, av.time_base),
        num_frames=(stream.frames or None) if media.head.states_length else None,
        duration_seconds=duration,
    )


def _orientation(container: InputContainer, stream: AvVideoStream) -> Orientation:
    """Return the display orientation; PyAV gives it with a decoded picture only."""
    packets = packets_of(container, stream)
    while True:
        try:
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
        except av.error.FFmpegError:
            continue  # damaged, or a recording that begins between two keyframes
        if frames:
            return orientation_of(frames[0])
        if packet is None:
            return UPRIGHT
