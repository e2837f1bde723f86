"""Read the header of a still image, in any format: size, depth, orientation."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.media.headers import tiff
from common_ml.media.headers.av1 import av1_size
from common_ml.media.headers.gif import gif_size
from common_ml.media.headers.heif import Heif, heif_items
from common_ml.media.headers.jpeg import JpegHeader, jpeg_header
from common_ml.media.headers.jpeg2000 import jpeg2000_header
from common_ml.media.headers.magic import picture_format
from common_ml.media.headers.png import png_orientation, png_size
from common_ml.media.headers.pnm import PnmHeader, pnm_header
from common_ml.media.headers.webp import webp_orientation, webp_size

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class ImageHeader:
    """Facts that choose the decoder and bound its memory."""

    format: str
    """Key of `magic.PICTURES`; "" where none matches."""
    width: int | None = None
    """Pixels, as stored; None where the header does not state it."""
    height: int | None = None
    bits: int = 8
    """Bits of the deepest sample."""
    orientation: int = 1
    """EXIF's, 1 to 8, of JPEG, PNG and WebP; TIFF and HEIF handle it themselves."""
    details: JpegHeader | PnmHeader | tiff.Directory | Heif | None = None
    """Result of the format's own reader."""

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height, where both are known."""
        if self.width is None or self.height is None:
            return None
        return self.width, self.height


def read_header(data: bytes) -> ImageHeader:
    """Read the header.

    Args:
        data: The file, or at least its beginning.
    """
    name = picture_format(data)
    try:
        return _READERS[name](data) if name in _READERS else ImageHeader(name)
    except (struct.error, IndexError, OverflowError):
        return ImageHeader(name)  # truncated


def _jpeg(data: bytes) -> ImageHeader:
    header = jpeg_header(data)
    if header is None:
        return ImageHeader("jpeg")
    return ImageHeader("jpeg", header.width, header.height, header.bits, header.orientation, header)


def _png(data: bytes) -> ImageHeader:
    width, height = png_size(data) or (None, None)
    bits = data[24] if len(data) > 24 else 8
    return ImageHeader("png", width, height, bits, png_orientation(data))


def _webp(data: bytes) -> ImageHeader:
    width, height = webp_size(data) or (None, None)
    return ImageHeader("webp", width, height, 8, webp_orientation(data))


def _gif(data: bytes) -> ImageHeader:
    width, height = gif_size(data) or (None, None)
    return ImageHeader("gif", width, height)


def _bmp(data: bytes) -> ImageHeader:
    is_old = data[14] == 12  # OS/2 header
    width, height = struct.unpack_from("<HH" if is_old else "<ii", data, 18)
    return ImageHeader("bmp", abs(width), abs(height))  # negative: stored top-down


def _tiff(data: bytes) -> ImageHeader:
    page = tiff.shown_directory(data)
    if page is None:
        return ImageHeader("tiff")
    bits = max(page.values(tiff.BITS, max_count=64), default=1)
    width, height = page.largest(tiff.WIDTH), page.largest(tiff.HEIGHT)
    return ImageHeader("tiff", width, height, bits, 1, page)


def _jpeg2000(data: bytes) -> ImageHeader:
    header = jpeg2000_header(data)
    return ImageHeader("jpeg2000", *header) if header else ImageHeader("jpeg2000")


def _heif(data: bytes) -> ImageHeader:
    heif = heif_items(data)
    if heif is None or heif.primary not in heif.items:
        return ImageHeader("heif")
    item = heif.items[heif.primary]
    sizes = [item.size, *(heif.items[part].size for part in item.parts if part in heif.items)]
    grid = heif.grid(item) if item.kind == b"grid" else None
    sizes += [(grid.width, grid.height)] if grid else []
    sizes += [av1_size(heif.payload(item))] if item.kind == b"av01" else []
    width, height = max((size for size in sizes if size), key=_area, default=(None, None))
    first = item if item.kind != b"grid" else heif.items.get(next(iter(item.parts), 0), item)
    return ImageHeader("heif", width, height, heif.bits(first), 1, heif)


def _pnm(data: bytes) -> ImageHeader:
    header = pnm_header(data)
    name = picture_format(data)
    if header is None:
        return ImageHeader(name)
    bits = header.max_value.bit_length()
    return ImageHeader(name, header.width, header.height, bits, 1, header)


def _radiance(data: bytes) -> ImageHeader:
    """Radiance: the size is in the first line after an empty line."""
    end = data.find(b"\n\n")
    match = _RADIANCE_SIZE.match(data, end + 2) if end >= 0 else None
    if match is None:
        return ImageHeader("radiance")
    return ImageHeader("radiance", int(match["width"]), int(match["height"]))


_RADIANCE_SIZE = re.compile(
    rb"[-+]Y\s{1,9}(?P<height>\d{1,10})\s{1,9}[-+]X\s{1,9}(?P<width>\d{1,10})"
)


def _fixed(name: str, layout: str, offset: int) -> Callable[[bytes], ImageHeader]:
    """Return a reader of width and height at fixed offsets."""

    def read(data: bytes) -> ImageHeader:
        width, height = struct.unpack_from(layout, data, offset)
        return ImageHeader(name, width, height)

    return read


def _psd(data: bytes) -> ImageHeader:
    height, width = struct.unpack_from(">II", data, 14)
    return ImageHeader("psd", width, height)


def _dds(data: bytes) -> ImageHeader:
    height, width = struct.unpack_from("<II", data, 12)
    return ImageHeader("dds", width, height)


def _pcx(data: bytes) -> ImageHeader:
    left, top, right, bottom = struct.unpack_from("<4H", data, 4)
    return ImageHeader("pcx", max(right - left + 1, 0), max(bottom - top + 1, 0))


def _dpx(data: bytes) -> ImageHeader:
    width, height = struct.unpack_from(">II" if data.startswith(b"SDPX") else "<II", data, 772)
    return ImageHeader("dpx", width, height)


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


_READERS: dict[str, Callable[[bytes], ImageHeader]] = {
    "jpeg": _jpeg,
    "png": _png,
    "gif": _gif,
    "webp": _webp,
    "bmp": _bmp,
    "tiff": _tiff,
    "heif": _heif,
    "jpeg2000": _jpeg2000,
    "pnm": _pnm,
    "pam": _pnm,
    "pfm": _pnm,
    "phm": _pnm,
    "radiance": _radiance,
    "psd": _psd,
    "sun": _fixed("sun", ">II", 4),
    "qoi": _fixed("qoi", ">II", 4),
    "dds": _dds,
    "sgi": _fixed("sgi", ">HH", 6),
    "tga": _fixed("tga", "<HH", 12),
    "pcx": _pcx,
    "dpx": _dpx,
}
