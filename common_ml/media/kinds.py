"""Detect whether a file is image, video or audio: by its content, then by its extension."""

from __future__ import annotations

import os
import stat
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from common_ml.errors import MediaError, MissingMediaError
from common_ml.media.access import access_error
from common_ml.media.containers import audio_stream, has_decoder, video_stream
from common_ml.media.headers.leading_bytes import num_leading_bytes
from common_ml.media.headers.magic import picture_format
from common_ml.media.headers.non_media import HEAD_BYTES, non_media_kind
from common_ml.media.media_file import MediaFile
from common_ml.stages import within

if TYPE_CHECKING:
    from typing import TypeAlias

    from av.container import InputContainer

    from common_ml.types import StrPath

Kind = Literal["image", "video", "audio", "unknown"]
"""`image` is read as one picture: animated and multi-page files are images too."""

_Path: TypeAlias = "StrPath"


def media_kind(path: _Path) -> Kind:
    """Return what kind of media a file is.

    The first bytes decide for the common image formats, and FFmpeg's demuxers for everything
    else: a video stream makes a video, sound alone makes audio (cover art does not count). For
    a file whose content is empty, cut off or damaged the extension decides. Text, playlists,
    archives and documents are `unknown` whatever their name.

    Raises:
        MissingMediaError: there is no such file.
        MediaError: the file cannot be read.
    """
    media = MediaFile(path)
    try:
        return kind_of(media)
    finally:
        media.close()


@within("decode")
def kind_of(media: MediaFile) -> Kind:
    """Return what `media_kind` does; a container that was opened for it is kept in `media`.

    Raises:
        MediaError: as for `media_kind`.
    """
    head = _head(media.path)
    if head is None:
        return "unknown"
    by_magic = _kind_by_magic(head, media.path)
    return by_magic or _kind_by_streams(media) or kind_by_name(media.path)


def kind_by_name(path: _Path) -> Kind:
    """Return the kind of media of an extension, without opening the file."""
    return _KIND_OF_EXTENSION.get(PurePath(path).suffix.lower(), "unknown")


def _head(path: _Path) -> bytes | None:
    """Read the first bytes; None if it is no regular file (a pipe would block)."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb", buffering=0) as file:
            file.seek(num_leading_bytes(file))
            return file.read(HEAD_BYTES)
    except ValueError:
        return None  # NUL in the name
    except OSError as error:
        raise access_error(error, path) from error


def _kind_by_magic(head: bytes, path: _Path) -> Kind | None:
    name = picture_format(head)
    if name == "jpeg":
        # A stream of JPEGs begins like a single one; only the name distinguishes them.
        return None if kind_by_name(path) == "video" else "image"
    if name:
        return "image"
    return "unknown" if non_media_kind(head) else None


def _kind_by_streams(media: MediaFile) -> Kind | None:
    """Return the kind that FFmpeg finds, or None where it cannot tell."""
    try:
        container = media.open(beyond_limits=True)
    except MissingMediaError:
        raise
    except MediaError:
        return None
    try:
        return _kind_of_container(container, media.path)
    except MediaError:
        return None
    finally:
        media.keep(container, is_unread=True)


def _kind_of_container(container: InputContainer, path: _Path) -> Kind | None:
    video, audio = video_stream(container), audio_stream(container)
    if video is not None and not has_decoder(video):
        return "video"
    # A stream without size or rate is a guess of the demuxer that no packet confirmed.
    if video is not None and video.width and video.height:
        name = container.format.name
        is_jpegs = name == "jpeg_pipe" and PurePath(path).suffix.lower() in _STREAMS_OF_JPEGS
        return "image" if _is_image_format(name) and not is_jpegs else "video"
    if audio is not None and (not has_decoder(audio) or audio.rate):
        return "audio"
    return None if video or audio else "unknown"


_STREAMS_OF_JPEGS = frozenset({".mjpeg", ".mjpg"})


def _is_image_format(name: str) -> bool:
    return name.endswith("_pipe") or name in {"gif", "apng", "webp", "ico", "jpegxl_anim"}


_EXTENSIONS: dict[Kind, str] = {
    "image": "avif bmp dds dib exr gif hdr heic heif j2k jfif jp2 jpe jpeg jpg jxl pam pbm pcx "
    "pfm pgm phm png pnm ppm psd ras sgi tga tif tiff webp xbm xpm",
    "video": "264 265 3g2 3gp asf av1 avi dv f4v flv gxf h264 h265 hevc ivf m1v m2ts m2v m4v "
    "mjpeg mjpg mkv mov mp4 mpe mpeg mpg mts mxf nut obu ogv qt rm rmvb ts vob webm wmv y4m",
    "audio": "aac ac3 aif aifc aiff amr ape au caf dts eac3 flac m4a m4b mka mp1 mp2 mp3 mpc "
    "oga ogg opus ra snd spx tta voc w64 wav wma wv",
}
_KIND_OF_EXTENSION = {f".{e}": kind for kind, names in _EXTENSIONS.items() for e in names.split()}
