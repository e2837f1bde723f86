"""How a container is opened: one local file within the limits, never a playlist."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import av
import av.error
from av.stream import Disposition

from common_ml.errors import DecodeError, MediaError, UnknownMediaError
from common_ml.media import limits
from common_ml.media.access import access_error, is_about_access, open_file, quoted
from common_ml.media.encryption import is_encrypted
from common_ml.media.foreign import HEAD_BYTES, foreign_content

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    MediaPath: TypeAlias = str | os.PathLike[str]

AnyStream = TypeVar("AnyStream", "VideoStream", "AudioStream")
# Titles in Latin-1 are common, and none of our business. PyAV 19 never refuses them.
_METADATA_OPTIONS: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
_SCRIPTS = "hls dash concat concatf imf sdp rtsp rtp sap image2 webm_dash_manifest vobsub avisynth"
_DEVICES = "alsa avfoundation dshow fbdev gdigrab jack kmsgrab lavfi openal oss pulse sndio x11grab"
_DRAWN_TEXT = "tty bin xbin adf idf"

REFUSED_FORMATS = frozenset(f"{_SCRIPTS} {_DEVICES} {_DRAWN_TEXT} video4linux2,v4l2".split())
"""What FFmpeg can demux and a media file never is; nothing of these is even begun.

First scripts and playlists, which open further files or addresses on the network; then devices;
then text drawn as a picture, or any text file would be a video."""


def open_container(path: MediaPath, *, beyond_limits: bool = False) -> InputContainer:
    """Open a media file; the caller closes it (it is a context manager).

    Args:
        path: The file.
        beyond_limits: Whether it may be larger or longer than the limits in force, because nothing
            of it will be decoded.

    Raises:
        MissingMediaError: there is no such file.
        UnknownMediaError: the content is none that may be opened, such as a playlist.
        DecodeError: damaged, empty, encrypted, or not a media file at all.
        LimitError: it is larger or longer than allowed.
        MediaError: the file cannot be read.
    """
    container = _opened(path)
    if not beyond_limits:
        try:
            _check_limits(container, path)
            _check_encryption(container, path)
        except MediaError:
            container.close()
            raise
    return container


def _opened(path: MediaPath) -> InputContainer:
    # FFmpeg opens the file by its name, which tells it something, but only once it is known to be
    # no pipe and no playlist.
    with open_file(path) as file, translated_errors(path, doing="open"):
        foreign = foreign_content(file.read(HEAD_BYTES))
        if foreign:
            raise UnknownMediaError(
                f"{quoted(path)} is neither picture, video nor sound, but {foreign}", path=path
            )
        try:
            return _open(os.fspath(path))
        except av.error.FFmpegError as error:
            if error.errno != errno.EINVAL:
                raise
        # Refused, but perhaps for its name alone: `.jpg` outweighs what is in an MPEG file.
        return _open(f"/dev/fd/{file.fileno()}")


def _check_limits(container: InputContainer, path: MediaPath) -> None:
    bounds = limits.in_force()
    if container.duration is not None:
        bounds.check_duration(path, Fraction(container.duration, av.time_base))
    for stream in container.streams.video:
        if has_decoder(stream):
            bounds.check_size(path, stream.width, stream.height)
            # A size that changes on the way is for the decoder itself to refuse. It counts what it
            # takes memory for, which is rounded up, so the bound is not exact there.
            width, height = stream.width + _ROUNDED_UP, stream.height + _ROUNDED_UP
            room = max(bounds.max_pixels * 9 // 8, width * height)
            stream.codec_context.options = {"max_pixels": str(min(room, _MAX_INT))}


def _check_encryption(container: InputContainer, path: MediaPath) -> None:
    if is_encrypted(path, container.format.name):
        raise DecodeError(f"{quoted(path)} is encrypted: there is no key for it", path=path)


_MAX_INT = 2**31 - 1
_ROUNDED_UP = 128
"""Pixels that a decoder may add to either side."""


def _open(name: str) -> InputContainer:
    container: InputContainer = av.open(
        f"file:{name}",  # a name with a colon would be taken for an address
        # Never `options`: up to PyAV 17 they corrupt memory where streams turn up late (MPEG-PS).
        container_options={
            "protocol_whitelist": "file",
            "format_whitelist": _accepted_formats(),
        },
        **_METADATA_OPTIONS,
    )
    return container


@cache
def _accepted_formats() -> str:
    return ",".join(sorted(av.formats_available - REFUSED_FORMATS))


def video_stream(container: InputContainer) -> VideoStream | None:
    """The first stream of moving pictures; cover art is none."""
    return next((s for s in container.streams.video if not is_cover(s)), None)


def audio_stream(container: InputContainer) -> AudioStream | None:
    """The first sound stream."""
    return next(iter(container.streams.audio), None)


def is_cover(stream: VideoStream) -> bool:
    """Whether the stream is a picture that belongs to the file, not a moving one."""
    return bool(stream.disposition & Disposition.attached_pic)


def packets_of(container: InputContainer, stream: AnyStream) -> Iterator[Packet[AnyStream]]:
    """The packets of a stream, up to those that tell the decoder of the end.

    In a transport stream further streams may turn up on the way, and PyAV then fails: it has no
    object for them. The next `demux` knows how many there are, and passes over them.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except IndexError:
            packets = container.demux(stream)
            continue
        if packet is None:
            return
        yield packet


def has_decoder(stream: VideoStream | AudioStream) -> bool:
    """Whether the codec of the stream is one that can be decoded; else it has hardly a property."""
    context: object = stream.codec_context  # declared never to be None
    return context is not None


@contextmanager
def translated_errors(path: MediaPath, *, doing: str) -> Iterator[None]:
    """Turn FFmpeg's errors into the MediaError family.

    Args:
        path: The file, for the message.
        doing: A verb for the message: `cannot {doing} {path}: ...`.
    """
    try:
        yield
    except av.error.MemoryError as error:  # mostly a count in the file that nobody could hold
        raise DecodeError(
            f"cannot {doing} {quoted(path)}: it asks for more memory than it can get: it is"
            " damaged, or there is hardly any memory left",
            path=path,
        ) from error
    except (av.error.InvalidDataError, av.error.EOFError) as error:
        raise DecodeError(
            f"cannot {doing} {quoted(path)}: it is damaged, truncated or no media file", path=path
        ) from error
    except OSError as error:
        if isinstance(error, av.error.FFmpegError) and not is_about_access(error):
            # Demuxers answer with any number of the system's when they do not like the content.
            raise DecodeError(
                f"cannot {doing} {quoted(path)}: {_UNSUPPORTED}", path=path
            ) from error
        if doing == "open" or isinstance(error, FileNotFoundError):
            raise access_error(error, path) from error
        reason = error.strerror or "the system refuses it"
        raise MediaError(f"cannot {doing} {quoted(path)}: {reason}", path=path) from error
    except av.error.FFmpegError as error:
        # The answer to a format that is refused; its class has another name in PyAV 15.
        if doing == "open" and error.errno == errno.EINVAL:
            raise UnknownMediaError(
                f"{quoted(path)} is neither picture, video nor sound", path=path
            ) from error
        raise DecodeError(f"cannot {doing} {quoted(path)}: {_plain(error)}", path=path) from error


def _plain(error: av.error.FFmpegError) -> str:
    reason = error.strerror or "FFmpeg gives no reason"
    return _PLAIN_REASONS.get(reason, f"FFmpeg says: {reason}")


_UNSUPPORTED = "it is damaged or of a kind that is not supported"
_PLAIN_REASONS = {
    "Invalid argument": _UNSUPPORTED,
    "Not yet implemented in FFmpeg, patches welcome": "it is of a kind that is not supported",
    "Decoder not found": "its codec is not supported",
    "Internal bug, should not have happened": "it is damaged",
    "Unknown error occurred": "it is damaged",
}
