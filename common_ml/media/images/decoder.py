"""Decode the bytes of an image file: choose the decoder, scale its samples, rotate it upright."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.errors import DecodeError, UnknownMediaError
from common_ml.media.access import quoted
from common_ml.media.hdr import ColourTags, ToneMapper
from common_ml.media.headers import gif, jpeg, png, webp
from common_ml.media.headers.heif import Heif
from common_ml.media.headers.image_header import read_header
from common_ml.media.headers.pnm import PnmHeader
from common_ml.media.headers.tiff import Directory
from common_ml.media.images import anymap, bmp, ffmpeg, heif, opencv, tiff
from common_ml.media.images.depth import scaled, to_8_bits
from common_ml.media.images.orientation import upright
from common_ml.media.images.routing import Route, route, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from common_ml.media.headers.image_header import ImageHeader
    from common_ml.types import StrPath

    Image = npt.NDArray[np.uint8]
    Path = StrPath

_LINEAR_LIGHT = frozenset({"radiance", "pfm", "phm", "exr"})
_OPENCV_ALONE = frozenset({"jpeg", "png", "bmp", "tiff", "jpeg2000", "webp"})
"""Formats that are damaged where OpenCV fails: FFmpeg would return a partial picture."""


_SILENT = frozenset({"radiance", "sun", "qoi", "exr", "dpx", "pcx", "tga", "xbm", "xpm"})
"""Formats whose decoders return a partial picture of a truncated file without an error."""


def decode(data: bytes, path: Path) -> Image:
    """Decode to upright RGB, uint8, shape (H, W, 3), contiguous.

    Args:
        data: The whole file.
        path: Its name, for FFmpeg and for messages.

    Raises:
        MediaError: not a picture, damaged, truncated, or not supported.
    """
    header = read_header(data)
    what = unsupported(header, data)
    if what:
        raise DecodeError(
            f"cannot decode {quoted(path)}: not supported: {what}; hint: convert it to PNG or JPEG",
            path=path,
        )
    chosen = route(header, data)
    if header.format == "jpeg" and not jpeg.has_end(data):
        data = _with_end_of_jpeg(data, header, chosen, path)
    if chosen.decoder == "heif" and isinstance(header.details, Heif):
        return _heif(data, header, header.details, path)
    pixels = _pixels(data, header, chosen, path)
    if header.format in _SILENT and _is_cut_off(pixels, data, header, chosen, path):
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
        )
    colours = png.png_colours(data) if header.format == "png" else None
    if colours is not None and ColourTags(*colours).needs_mapping:
        return upright(_tone_mapped(pixels, ColourTags(*colours)), header.orientation)
    if chosen.max_value and pixels.dtype == np.uint16:
        rgb = _rgb(scaled(pixels, chosen.max_value))
    else:
        rgb = _rgb(to_8_bits(pixels, is_linear=header.format in _LINEAR_LIGHT))
    return upright(rgb, header.orientation)


def _tone_mapped(pixels: npt.NDArray[Any], tags: ColourTags) -> Image:
    """Map samples of 8 or 16 bits, full range."""
    levels = pixels if pixels.dtype == np.uint16 else pixels.astype(np.uint16) * 257
    if levels.ndim == 2:
        levels = np.broadcast_to(levels[:, :, np.newaxis], (*levels.shape, 3))
    red, green, blue = (levels[:, :, channel] for channel in range(3))
    return ToneMapper(tags).mapped((red, green, blue))


def _heif(data: bytes, header: ImageHeader, items: Heif, path: Path) -> Image:
    item = items.items[items.primary]
    if ffmpeg.needs_tone_mapping(item.colour) or item.kind not in {b"av01", b"grid"}:
        return heif.HeifDecoder(items, path).primary()
    pixels = None
    if heif.is_av1(items, item) and header.size is not None:
        pixels = opencv.decode(data, path, applies_orientation=False)
    if pixels is None:  # not AVIF, or not supported by this OpenCV
        return heif.HeifDecoder(items, path).primary()
    max_value = (1 << header.bits) - 1
    rgb = _rgb(scaled(pixels, max_value) if pixels.dtype == np.uint16 else pixels)
    return heif.transformed(rgb, item)


def _pixels(data: bytes, header: ImageHeader, chosen: Route, path: Path) -> npt.NDArray[Any]:
    """Decode to grey or RGB at the depth of the file."""
    pixels: npt.NDArray[Any] | None = None
    if chosen.decoder == "anymap":
        if isinstance(header.details, PnmHeader):
            pixels = anymap.decode(data, header.details)
    elif header.format == "heif":  # without a primary item: perhaps a sequence of pictures
        with suppress(UnknownMediaError):
            return ffmpeg.decode_file(path)
    elif chosen.decoder == "container":
        return ffmpeg.decode_file(path)
    elif chosen.decoder == "ffmpeg":
        return ffmpeg.decode_data(data, path, codec=chosen.codec, colour=chosen.colour)
    elif header.size is None:  # without a known size memory is not bounded
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or truncated:"
            " its header does not say how large it is",
            path=path,
        )
    elif header.format == "bmp" and (masked := bmp.decode_masked(data)) is not None:
        return masked
    elif header.size[0] * header.size[1] > opencv.max_pixels():
        return _without_opencv(data, header, chosen, path)
    elif isinstance(header.details, Directory):
        pixels = tiff.decode(data, header.details, path)
    else:
        pixels = _by_opencv(data, header, chosen, path)
    if pixels is None:
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
        )
    return pixels


def _by_opencv(
    data: bytes, header: ImageHeader, chosen: Route, path: Path
) -> npt.NDArray[Any] | None:
    """Decode with OpenCV, or with FFmpeg what this OpenCV does not support; None: damaged."""
    whole = _REPAIRS[header.format](data) if header.format in _REPAIRS else data
    pixels = opencv.decode(whole, path, applies_orientation=False)
    if pixels is None and header.format == "png" and (repaired := png.with_checksums(whole)):
        pixels = opencv.decode(repaired, path, applies_orientation=False)
    if pixels is not None:
        return pixels
    # OpenCV before 4.11 does not read animations.
    frame = webp.first_frame(data) if header.format == "webp" else data
    is_unknown = header.format not in _OPENCV_ALONE and _is_whole(data, header)
    if frame is data and not is_unknown:
        return None
    return ffmpeg.decode_data(frame, path, codec=chosen.codec)


_REPAIRS: dict[str, Callable[[bytes], bytes]] = {
    "png": png.with_end,
    "gif": gif.without_transparency,
    "bmp": bmp.with_windows_header,
}
"""What OpenCV would refuse or misread -> what it reads right."""


def _is_cut_off(
    pixels: npt.NDArray[Any], data: bytes, header: ImageHeader, chosen: Route, path: Path
) -> bool:
    """Whether the picture needs data after the end of the file."""
    if header.format == "pcx" and data[65:66] == b"\1":
        return False  # a palette at the end: FFmpeg does not notice that it is truncated
    try:
        again = _pixels(data + _OTHER_BYTES, header, chosen, path)
    except DecodeError:
        return True
    return not np.array_equal(pixels, again, equal_nan=pixels.dtype.kind == "f")


_OTHER_BYTES = b"\xa5" * 4096


def _with_end_of_jpeg(data: bytes, header: ImageHeader, chosen: Route, path: Path) -> bytes:
    """Append the marker that a camera left out, where no part of the picture is missing.

    Raises:
        DecodeError: the picture needs data after the end of the file.
    """
    # zeros are what a copy that was broken off may have instead; one may belong to an FF
    stripped = data.rstrip(b"\0") + b"\0"
    ended = stripped + jpeg.END
    pixels, again = (
        _pixels(variant, header, chosen, path)
        for variant in (ended, stripped + _OTHER_BYTES + jpeg.END)
    )
    if not np.array_equal(pixels, again):
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
        )
    return ended


def _without_opencv(
    data: bytes, header: ImageHeader, chosen: Route, path: Path
) -> npt.NDArray[Any]:
    if not _is_whole(data, header):
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
        )
    if isinstance(header.details, Directory):
        return tiff.decode_by_ffmpeg(data, header.details, path)
    whole = webp.first_frame(data) if header.format == "webp" else data
    whole = gif.without_transparency(data) if header.format == "gif" else whole
    return ffmpeg.decode_data(whole, path, codec=chosen.codec)


def _is_whole(data: bytes, header: ImageHeader) -> bool:
    """Whether a GIF's first picture is complete, which FFmpeg does not check."""
    return header.format != "gif" or gif.has_first_picture(data)


def _rgb(pixels: npt.NDArray[np.uint8]) -> Image:
    if pixels.ndim == 3:
        return pixels
    return np.ascontiguousarray(np.broadcast_to(pixels[:, :, np.newaxis], (*pixels.shape, 3)))
