"""Open media files with FFmpeg: local files within the limits, never playlists; sniff each once."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import av
import av.error

from common_ml.errors import DecodeError, MediaError, UnknownMediaError
from common_ml.media import limits
from common_ml.media.access import open_file, quoted
from common_ml.media.containers import has_decoder, is_cover, translated_errors
from common_ml.media.headers.cropping import Track, container_crop
from common_ml.media.headers.described_video import describes_video
from common_ml.media.headers.encryption import is_encrypted
from common_ml.media.headers.index_claims import excess_samples
from common_ml.media.headers.non_media import HEAD_BYTES, non_media_kind
from common_ml.media.headers.truncation import states_length, truncation_reason
from common_ml.media.repairs import Repairs, repairs_of, transport_repairs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import FileIO
    from typing import BinaryIO, TypeAlias

    from av.container import InputContainer

    from common_ml.media.byte_view import ByteView
    from common_ml.media.headers.cropping import Sides
    from common_ml.types import StrPath

    MediaPath: TypeAlias = StrPath
    Identity: TypeAlias = tuple[int, ...]

# Titles in Latin-1 are common and not used here. PyAV 19 always accepts them.
_METADATA_OPTIONS: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
_OLD_PYAV = int(av.__version__.split(".")[0]) < 18
_SCRIPTS = "hls dash concat concatf imf sdp rtsp rtp sap image2 webm_dash_manifest vobsub avisynth"
_DEVICES = "alsa avfoundation dshow fbdev gdigrab jack kmsgrab lavfi openal oss pulse sndio x11grab"
_DRAWN_TEXT = "tty bin xbin adf idf"

REFUSED_FORMATS = frozenset(f"{_SCRIPTS} {_DEVICES} {_DRAWN_TEXT} video4linux2,v4l2".split())
"""Demuxers that are never allowed, since no media file needs them.

First scripts and playlists, which open further files or addresses on the network; then devices;
then text drawn as a picture, which would make any text file a video."""


@dataclass(frozen=True)
class FileHead:
    """Facts that the file's structure states and FFmpeg does not report."""

    identity: Identity
    """Of the file that was read: device, inode, size in bytes, times of change."""
    container: str
    """FFmpeg's name of its format."""
    is_encrypted: bool
    """Whether its media are declared as encrypted."""
    truncation: str
    """Why the file is taken for truncated; empty if it is not."""
    crops: Mapping[int, Sides]
    """Number of a video stream -> pixels to crop at the left, top, right and bottom."""
    unread: str = ""
    """What of the file cannot be read, though it is whole; empty if all can."""
    states_length: bool = True
    """Whether the duration that FFmpeg reports is one, and no placeholder."""

    @property
    def num_bytes(self) -> int:
        """Size of the file."""
        return self.identity[2]


class MediaFile:
    """A media file: what its head states, and the containers that are opened for its decoders.

    The head is examined once; an open container that nobody reads is handed to the next reader.
    """

    def __init__(self, path: MediaPath, *, with_pixel_format: bool = False) -> None:
        """Prepare; nothing is opened yet.

        Args:
            path: The file.
            with_pixel_format: Whether an opened container has to know the format of its pictures
                before one is decoded, as for copying its streams; it takes the decoding of one.
        """
        self.path = path
        self._with_pixel_format = with_pixel_format
        self._skips_decoding = False
        self._head: FileHead | None = None
        self._repairs = Repairs()
        self._is_searched = False
        """A transport stream, for changes of its PIDs."""
        self._search_lock = threading.Lock()
        self._idle: InputContainer | None = None
        self._is_idle_unread = False
        self._lock = threading.Lock()

    @property
    def head(self) -> FileHead:
        """What the head of the file states, as it was when it was opened.

        Raises:
            MediaError: as for `open`.
        """
        if self._head is None:
            self.keep(self.open(beyond_limits=True), is_unread=True)
        assert self._head is not None  # noqa: S101 - `open` sets it, or raises
        return self._head

    def open(self, *, beyond_limits: bool = False, to_end: bool = False) -> InputContainer:
        """Open the file at its beginning; the caller closes it (it is a context manager).

        Args:
            beyond_limits: Whether it may be larger or longer than the limits in force, because it
                will not be decoded.
            to_end: Whether its packets will be read to the end. A transport stream is then
                searched for changes of its PIDs, which reads all of it, once; what is opened later
                is read on behind them, too.

        Raises:
            MissingMediaError: there is no such file.
            UnknownMediaError: the content may not be opened, such as a playlist.
            DecodeError: damaged, empty, encrypted, or not a media file at all.
            LimitError: it is larger or longer than allowed.
            MediaError: the file cannot be read.
        """
        if to_end:
            self._search()
        container = self._taken(unread=True) or self._opened()
        return container if beyond_limits else self._checked(container)

    def open_read(self) -> InputContainer | None:
        """Return an open container that was read before, at an unknown position; None: no such.

        Raises:
            MediaError: as for `open`.
        """
        container = self._taken(unread=False)
        return container and self._checked(container)

    def keep(self, container: InputContainer, *, is_unread: bool = False) -> None:
        """Keep an open container for the next reader.

        Args:
            container: One of this file; the caller does not use it any more.
            is_unread: Whether no packet was read of it.
        """
        with self._lock:
            former, self._idle = self._idle, container
            self._is_idle_unread = is_unread
        if former is not None:
            former.close()

    def close(self) -> None:
        """Close the container that is kept, if there is one. The file can be opened again."""
        with self._lock:
            former, self._idle = self._idle, None
        if former is not None:
            former.close()

    def _taken(self, *, unread: bool) -> InputContainer | None:
        with self._lock:
            if self._idle is None or self._is_idle_unread != unread:
                return None
            container, self._idle = self._idle, None
            return container

    def _opened(self) -> InputContainer:
        if self._head is not None and self._is_unchanged(self._head):
            try:
                return self._reopened()
            except av.error.FFmpegError:
                pass  # once more, with all checks
        # FFmpeg opens the file by its name, which is a hint for it, but only once it is known to
        # be no pipe and no playlist.
        with open_file(self.path) as file, translated_errors(self.path, doing="open"):
            name = os.fspath(self.path)
            self._repairs = repairs_of(file, name)
            with self._repairs.content(file, name) as content:
                _check_content(content, self.path)
                size = content.seek(0, os.SEEK_END)
                is_described = describes_video(content, size)
            self._skips_decoding = is_described and not (_OLD_PYAV or self._with_pixel_format)
            if self._is_searched:
                self._repairs = transport_repairs(self._repairs, file)
            container = self._first_opened(file, name)
            if self._head is None:
                with self._repairs.content(file, name) as content:
                    self._head = _head(file, content, container)
            return container

    def _search(self) -> None:
        """Find where the PIDs of a transport stream change, unless that was done."""
        with self._search_lock:  # group decoders open the file at the same time
            if not self._is_searched and self.head.container == "mpegts":
                with open_file(self.path) as file, translated_errors(self.path, doing="open"):
                    self._repairs = transport_repairs(self._repairs, file)
                self._head = replace(self.head, unread=self._repairs.unread)
                if self._repairs.are_needed:
                    self.close()  # what is kept ends at the first change
                self._is_searched = True

    def _first_opened(self, file: FileIO, name: str) -> InputContainer:
        if self._repairs.are_needed:
            view = self._repairs.view(file, name)
            return _open(name, file=view, skips_decoding=self._skips_decoding)
        return _open_any_name(file, self.path, skips_decoding=self._skips_decoding)

    def _reopened(self) -> InputContainer:
        name = os.fspath(self.path)
        if not self._repairs.are_needed:
            return _open(name, skips_decoding=self._skips_decoding)
        with open_file(self.path) as file:
            return self._first_opened(file, name)

    def _is_unchanged(self, head: FileHead) -> bool:
        try:
            return identity_of(os.stat(self.path)) == head.identity
        except (OSError, ValueError):
            return False

    def _checked(self, container: InputContainer) -> InputContainer:
        try:
            _check_limits(container, self.path, self._head)
            if self._head is not None and self._head.is_encrypted:
                raise DecodeError(
                    f"{quoted(self.path)} is encrypted: there is no key for it", path=self.path
                )
        except MediaError:
            container.close()
            raise
        return container


def open_container(path: MediaPath, *, beyond_limits: bool = False) -> InputContainer:
    """Open a media file once; see `MediaFile.open`."""
    return MediaFile(path).open(beyond_limits=beyond_limits)


def identity_of(status: os.stat_result) -> Identity:
    """Return what changes if a file is replaced, written to, or touched."""
    return (
        *(status.st_dev, status.st_ino, status.st_size),
        *(status.st_mtime_ns, status.st_ctime_ns),
    )


def _check_content(file: BinaryIO, path: MediaPath) -> None:
    foreign = non_media_kind(file.read(HEAD_BYTES))
    if foreign:
        raise UnknownMediaError(
            f"{quoted(path)} is neither picture, video nor sound, but {foreign}", path=path
        )
    claimed = excess_samples(file, file.seek(0, os.SEEK_END))
    if claimed:
        raise DecodeError(
            f"{quoted(path)} is damaged: its index claims {claimed} samples, more than it has"
            " bytes",
            path=path,
        )


def _open_any_name(file: FileIO, path: MediaPath, *, skips_decoding: bool) -> InputContainer:
    try:
        return _open(os.fspath(path), skips_decoding=skips_decoding)
    except av.error.FFmpegError as error:
        if error.errno != errno.EINVAL:
            raise
    # Refused, but perhaps for its name alone: `.jpg` overrides the content of an MPEG file.
    return _open(f"/dev/fd/{file.fileno()}")


def _head(file: FileIO, content: BinaryIO, container: InputContainer) -> FileHead:
    name = container.format.name
    tracks = [
        (stream.index, Track(stream.id, place, stream.width, stream.height))
        for place, stream in enumerate(s for s in container.streams.video if not is_cover(s))
        if has_decoder(stream)
    ]
    num_pictures = (stream.frames for stream in container.streams.video)
    return FileHead(
        identity=identity_of(os.fstat(file.fileno())),
        container=name,
        is_encrypted=is_encrypted(content, name),
        truncation=truncation_reason(content, name),
        crops={number: container_crop(content, name, track) for number, track in tracks},
        states_length=states_length(content, name, max(num_pictures, default=0)),
    )


def _check_limits(container: InputContainer, path: MediaPath, head: FileHead | None) -> None:
    bounds = limits.in_force()
    if container.duration is not None and (head is None or head.states_length):
        bounds.check_duration(path, Fraction(container.duration, av.time_base))
    for stream in container.streams.video:
        if has_decoder(stream):
            bounds.check_size(path, stream.width, stream.height)
            # A size that changes later is rejected by the decoder itself. It counts what it
            # takes memory for, which is rounded up, so the bound is not exact there.
            width, height = stream.width + _ROUNDED_UP, stream.height + _ROUNDED_UP
            room = max(bounds.max_pixels * 9 // 8, width * height)
            stream.codec_context.options = {"max_pixels": str(min(room, _MAX_INT))}


_MAX_INT = 2**31 - 1
_ROUNDED_UP = 128
"""Pixels that a decoder may add to either side."""


def _open(
    name: str, *, file: ByteView | None = None, skips_decoding: bool = False
) -> InputContainer:
    container: InputContainer = av.open(
        file or f"file:{name}",  # a name with a colon would be read as a URL
        # Up to PyAV 17 they corrupt memory where streams turn up late (MPEG-PS). They are for the
        # decoders that FFmpeg itself uses to learn about the streams, not for ours.
        options={"skip_frame": "all"} if skips_decoding else {},
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
