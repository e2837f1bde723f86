"""What kind of media a file is: by its content first, by its name where that says nothing."""

from __future__ import annotations

import os
import re
import stat
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from common_ml.errors import MediaError, MissingMediaError
from common_ml.media.access import access_error
from common_ml.media.containers import audio_stream, has_decoder, open_container, video_stream
from common_ml.media.foreign import HEAD_BYTES, foreign_content
from common_ml.stages import part_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from av.container import InputContainer

Kind = Literal["image", "video", "audio", "unknown"]
"""`image` is whatever one picture is taken of: animated and multi-page files are images too."""

_Path: TypeAlias = "str | os.PathLike[str]"


@part_of("decode")
def media_kind(path: _Path) -> Kind:
    """Say what kind of media a file is.

    The first bytes decide for the common image formats, and FFmpeg's demuxers for everything
    else: a video stream makes a video, sound alone makes audio (cover art does not count). A
    file whose content says nothing, because it is empty, cut off or damaged, is what its
    extension says. Text, playlists, archives and documents are `unknown` whatever their name.

    Raises:
        MissingMediaError: there is no such file.
        MediaError: the file cannot be read.
    """
    head = _head(path)
    if head is None:
        return "unknown"
    return _kind_by_magic(head, path) or _kind_by_streams(path) or kind_by_name(path)


def kind_by_name(path: _Path) -> Kind:
    """Say what kind of media the extension promises, without a look at the file."""
    return _KIND_OF_EXTENSION.get(PurePath(path).suffix.lower(), "unknown")


def _head(path: _Path) -> bytes | None:
    """The first bytes, or None for what is no regular file (a pipe would block)."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - Path() costs more than the call
            return None
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - the same
            return file.read(HEAD_BYTES)
    except ValueError:
        return None  # a NUL in the name
    except OSError as error:
        raise access_error(error, path) from error


def _kind_by_magic(head: bytes, path: _Path) -> Kind | None:
    if head.startswith(b"\xff\xd8\xff"):
        # A stream of JPEGs begins like a single one, and only its name tells them apart.
        return None if kind_by_name(path) == "video" else "image"
    if _IMAGE_MAGIC.match(head):
        return "image"
    return "unknown" if foreign_content(head) else None


_IMAGE_MAGIC = re.compile(
    rb"\x89PNG\r\n\x1a\n"
    rb"|GIF8[79]a"
    rb"|RIFF....WEBP"
    rb"|BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"  # the size of the second header
    rb"|II[\x2a\x2b]\0|MM\0[\x2a\x2b]"  # TIFF, BigTIFF
    rb"|....ftyp(avif|avis|heic|heix|heim|heis|hevc|hevx|mif1|msf1)"
    rb"|\0\0\0\x0cjP  \r\n\x87\n....ftyp(jp2 |jpx |jpm |jph )|\xff\x4f\xff\x51"  # JPEG 2000
    rb"|\0\0\0\x0cJXL \r\n\x87\n"
    rb"|P[1-6][ \t\r\n]+(#|[0-9])|P7\nWIDTH|P[Ff]\n"
    rb"|\#\?(RADIANCE|RGBE)"
    rb"|\x76\x2f\x31\x01"  # OpenEXR
    rb"|8BPS\0[\x01\x02]"  # Photoshop
    rb"|\x59\xa6\x6a\x95",  # Sun raster
    re.DOTALL,
)


def _kind_by_streams(path: _Path) -> Kind | None:
    """What FFmpeg finds, or None where it cannot tell."""
    try:
        with open_container(path, beyond_limits=True) as container:
            return _kind_of_container(container)
    except MissingMediaError:
        raise
    except MediaError:
        return None


def _kind_of_container(container: InputContainer) -> Kind | None:
    video, audio = video_stream(container), audio_stream(container)
    if video is not None and not has_decoder(video):
        return "video"
    # A stream without a size or a rate is a demuxer's guess that no packet has confirmed.
    if video is not None and video.width and video.height:
        return "image" if _is_image_format(container.format.name) else "video"
    if audio is not None and (not has_decoder(audio) or audio.rate):
        return "audio"
    return None if video or audio else "unknown"


def _is_image_format(name: str) -> bool:
    return name.endswith("_pipe") or name in {"gif", "apng", "webp", "ico", "jpegxl_anim"}


_EXTENSIONS: dict[Kind, str] = {
    "image": "avif bmp dds dib exr gif hdr heic heif j2k jfif jp2 jpe jpeg jpg jxl pam pbm pcx "
    "pfm pgm png pnm ppm psd ras sgi tif tiff webp",
    "video": "264 265 3g2 3gp asf av1 avi dv f4v flv gxf h264 h265 hevc ivf m1v m2ts m2v m4v "
    "mjpeg mjpg mkv mov mp4 mpe mpeg mpg mts mxf nut obu ogv qt rm rmvb ts vob webm wmv y4m",
    "audio": "aac ac3 aif aifc aiff amr ape au caf dts eac3 flac m4a m4b mka mp1 mp2 mp3 mpc "
    "oga ogg opus ra snd spx tta voc w64 wav wma wv",
}
_KIND_OF_EXTENSION = {f".{e}": kind for kind, names in _EXTENSIONS.items() for e in names.split()}
