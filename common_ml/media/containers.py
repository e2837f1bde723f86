"""Choose the streams of an open container, read their packets, and translate FFmpeg's errors."""

from __future__ import annotations

import errno
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import av.error
from av.stream import Disposition

from common_ml.errors import DecodeError, MediaError, NoStreamError, UnknownMediaError
from common_ml.media.access import access_error, is_about_access, quoted
from common_ml.media.choices import in_force, same_language

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from typing import TypeAlias

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.stream import VideoStream

    from common_ml.types import StrPath

    MediaPath: TypeAlias = StrPath

AnyStream = TypeVar("AnyStream", "VideoStream", "AudioStream")


class MediaSource(Protocol):
    """A file that can be opened again; `media_file.MediaFile` is one."""

    path: MediaPath

    def open(self, *, beyond_limits: bool = False) -> InputContainer:
        """Open the file at its beginning."""


def video_stream(container: InputContainer, media: MediaSource | None = None) -> VideoStream | None:
    """Return the video stream to read, or None.

    Cover art and timed thumbnails do not count. Of several it is the one that `reading` chooses;
    else one that can be decoded and has packets, the file's default before others, the first
    before later ones.

    Args:
        container: The open file.
        media: The file; with it, streams that are declared but empty are skipped.

    Raises:
        NoStreamError: the chosen one does not exist.
    """
    candidates = [stream for stream in container.streams.video if not is_cover(stream)]
    return _chosen(container, candidates, media, in_force().video_stream, "video_stream")


def audio_stream(container: InputContainer, media: MediaSource | None = None) -> AudioStream | None:
    """Return the sound stream to read, or None; chosen as `video_stream` does.

    Args:
        container: The open file.
        media: As for `video_stream`.

    Raises:
        NoStreamError: the chosen one does not exist.
    """
    candidates = list(container.streams.audio)
    return _chosen(container, candidates, media, in_force().audio_stream, "audio_stream")


def is_cover(stream: VideoStream) -> bool:
    """Whether the stream is a still picture that belongs to the file, such as cover art."""
    return bool(stream.disposition & _STILL)


_STILL = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


def _chosen(
    container: InputContainer,
    candidates: list[AnyStream],
    media: MediaSource | None,
    wanted: int | str | None,
    option: str,
) -> AnyStream | None:
    if wanted is not None and candidates:
        known = candidates
        candidates = [
            stream
            for place, stream in enumerate(candidates)
            if wanted == place or same_language(_language(stream), str(wanted))
        ]
        if not candidates:
            path = media.path if media else container.name
            raise NoStreamError(
                f"{quoted(path)} has no such stream: {option} must be one of"
                f" {_names(known)}, got {wanted!r} @ $.common_ml.{option}",
                path=path,
            )
    candidates.sort(key=_preference)
    if len(candidates) < 2 or media is None or candidates[0].frames > 0:  # counted by the index
        return next(iter(candidates), None)
    first = _first_with_packets(media, [stream.index for stream in candidates])
    return next((s for s in candidates if s.index == first), candidates[0])


def _preference(stream: VideoStream | AudioStream) -> tuple[bool, bool, int]:
    is_default = bool(stream.disposition & Disposition.default)
    return not has_decoder(stream), not is_default, stream.index


def _language(stream: VideoStream | AudioStream) -> str:
    return stream.metadata.get("language", "")


def _names(streams: Sequence[VideoStream | AudioStream]) -> str:
    return ", ".join(f"{n} {_language(s)}".strip() for n, s in enumerate(streams))


def _first_with_packets(media: MediaSource, indices: list[int]) -> int | None:
    """Return the first of the streams, in this order, that has a packet."""
    seen: set[int] = set()
    with media.open(beyond_limits=True) as container, suppress(av.error.FFmpegError):
        known: list[VideoStream | AudioStream] = [
            *container.streams.video,
            *container.streams.audio,
        ]
        streams = [stream for stream in known if stream.index in indices]
        for packet in interleaved_packets(container, streams):
            if packet.size:
                seen.add(packet.stream.index)
                if packet.stream.index == indices[0]:
                    break
    return next((index for index in indices if index in seen), None)


def packets_of(container: InputContainer, stream: AnyStream) -> Iterator[Packet[AnyStream]]:
    """Yield the packets of a stream, then an empty one that drains the decoder.

    Empty packets before it are skipped, as the ffmpeg program does: they repeat a picture, and
    to a decoder they would mean end of stream.
    """
    return interleaved_packets(container, [stream])


def interleaved_packets(
    container: InputContainer, streams: Sequence[VideoStream | AudioStream]
) -> Iterator[Packet[Any]]:
    """Yield the packets of streams in file order, then an empty one of each; see `packets_of`.

    In a transport stream further streams may appear later, and PyAV then fails: it has no object
    for them. The next `demux` knows how many there are, and skips them.
    """
    last_empty: dict[int, Packet[Any]] = {}
    is_at_end = False
    while not is_at_end:
        with suppress(IndexError), demuxing(container, streams) as packets:
            for packet in packets:
                if packet.size:
                    yield packet
                else:
                    last_empty[packet.stream.index] = packet
            is_at_end = True
    yield from last_empty.values()


def demuxing(
    container: InputContainer, streams: Sequence[Stream]
) -> closing[Generator[Packet[Any], None, None]]:
    """Return PyAV's generator of packets, for a `with` block.

    It closes the generator: one that is dropped half way leaks some 150 bytes.
    """
    return closing(cast("Generator[Packet[Any], None, None]", container.demux(*streams)))


def has_decoder(stream: VideoStream | AudioStream) -> bool:
    """Whether the codec of the stream can be decoded; otherwise it has few properties."""
    context: object = stream.codec_context  # declared never to be None
    return context is not None


@contextmanager
def translated_errors(path: MediaPath, *, doing: str) -> Iterator[None]:
    """Translate FFmpeg's errors to MediaError and its subclasses.

    Args:
        path: The file, for the message.
        doing: A verb for the message: `cannot {doing} {path}: ...`.
    """
    try:
        yield
    except av.error.MemoryError as error:  # mostly an impossible count in a damaged file
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
            # Demuxers return arbitrary errno values for content they reject.
            raise DecodeError(
                f"cannot {doing} {quoted(path)}: {_UNSUPPORTED}", path=path
            ) from error
        if doing == "open" or isinstance(error, FileNotFoundError):
            raise access_error(error, path) from error
        reason = error.strerror or "the system refuses it"
        raise MediaError(f"cannot {doing} {quoted(path)}: {reason}", path=path) from error
    except av.error.FFmpegError as error:
        # The error for a format that is not allowed; its class has another name in PyAV 15.
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
