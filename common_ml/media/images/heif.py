"""Decode HEIF pictures (HEIC, AVIF): items, grids of tiles, crop, rotation and mirror.

After ISO/IEC 23008-12, as libheif does: the primary item, its tiles stitched and cropped to the
size of the output, then its transformations in their order. EXIF's orientation repeats what they
say, and is not applied.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common_ml.errors import DecodeError
from common_ml.media import limits
from common_ml.media.access import quoted
from common_ml.media.images import ffmpeg

if TYPE_CHECKING:
    import numpy.typing as npt

    from common_ml.media.headers.heif import Heif, HeifItem
    from common_ml.types import StrPath

    Image = npt.NDArray[np.uint8]

_CODECS = {b"hvc1": ("hevc", b"hvcC"), b"hev1": ("hevc", b"hvcC"), b"av01": ("libdav1d", b"av1C"),
           b"avc1": ("h264", b"avcC"), b"jpeg": ("mjpeg", b"")}  # fmt: skip
"""Kind of an item -> FFmpeg's decoder, and the property that holds its configuration."""
_NAMES = {b"iovl": "a HEIF overlay", b"unci": "uncompressed HEIF", b"j2k1": "JPEG 2000 in HEIF",
          b"vvc1": "VVC in HEIF", b"evc1": "EVC in HEIF", b"tili": "tiled HEIF (tili)"}  # fmt: skip
_MAX_DEPTH = 4
"""Of items that are derived from items."""


class HeifDecoder(NamedTuple):
    """Decode the items of one file."""

    heif: Heif
    path: StrPath

    def primary(self) -> Image:
        """Decode the picture to show: upright RGB, uint8, shape (H, W, 3).

        Raises:
            DecodeError: damaged, truncated, or not supported.
            LimitError: a picture has more pixels than allowed.
        """
        return self._item(self.heif.primary, _MAX_DEPTH)

    def _item(self, number: int, depth: int) -> Image:
        item = self.heif.items.get(number)
        if item is None or not depth:
            raise self._damaged()
        if item.kind == b"grid":
            rgb = self._grid(item)
        elif item.kind == b"iden":
            rgb = self._item(next(iter(item.parts), -1), depth - 1)
        else:
            (rgb,) = self._coded([item])
        return transformed(rgb, item)

    def _grid(self, item: HeifItem) -> Image:
        grid = self.heif.grid(item)
        tiles = [self.heif.items.get(number) for number in item.parts]
        if grid is None or len(tiles) != grid.rows * grid.columns or None in tiles:
            raise self._damaged()
        limits.in_force().check_size(self.path, grid.width, grid.height)
        for item_of_tile in tiles:  # tiles outside of the picture would be unbounded
            width, height = (item_of_tile and item_of_tile.size) or (0, 0)
            is_beyond = (grid.columns - 1) * width >= grid.width or (
                (grid.rows - 1) * height >= grid.height
            )
            if not width * height or is_beyond:
                raise self._damaged()
        picture = np.empty((grid.height, grid.width, 3), np.uint8)
        top = 0
        for row in range(grid.rows):
            left, height = 0, 0
            for tile in self._coded(
                [t for t in tiles[row * grid.columns : (row + 1) * grid.columns] if t], item
            ):
                height, width = tile.shape[:2]
                place = picture[top : top + height, left : left + width]
                place[:] = tile[: place.shape[0], : place.shape[1]]
                left += width
            if left < grid.width:
                raise self._damaged()
            top += height
        if top < grid.height:
            raise self._damaged()
        return picture

    def _coded(self, items: list[HeifItem], whole: HeifItem | None = None) -> list[Image]:
        """Decode items of one configuration; `whole` is the grid with their colours."""
        kind = items[0].kind
        if any(item.kind != kind for item in items):
            raise self._damaged()
        if kind not in _CODECS:
            what = _NAMES.get(kind, f"HEIF of kind {kind.decode('latin-1')!r}")
            raise DecodeError(
                f"cannot decode {quoted(self.path)}: not supported: {what};"
                " hint: convert it to PNG or JPEG",
                path=self.path,
            )
        codec, configuration = _CODECS[kind]
        rgbs: list[Image] = []
        for item in items:
            size = item.size
            if size is None:
                raise self._damaged()
            limits.in_force().check_size(self.path, *size)
            colour = item.colour or (whole.colour if whole else None)
            rgb = ffmpeg.decode_data(
                self.heif.payload(item),
                self.path,
                codec=codec,
                extradata=item.first(configuration) or b"",
                colour=colour,
                max_size=size,
            )
            rgbs.append(rgb)
        return rgbs

    def _damaged(self) -> DecodeError:
        return DecodeError(
            f"cannot decode {quoted(self.path)}: the picture is damaged or truncated",
            path=self.path,
        )


def is_av1(heif: Heif, item: HeifItem) -> bool:
    """Whether a picture and all its tiles are AV1."""
    parts = [heif.items.get(number) for number in item.parts] if item.kind == b"grid" else [item]
    return bool(parts) and all(part is not None and part.kind == b"av01" for part in parts)


def transformed(rgb: Image, item: HeifItem) -> Image:
    """Apply `clap`, `irot` and `imir` in the item's order."""
    for kind, body in item.properties:
        if kind == b"clap" and len(body) >= 32:
            rgb = _cropped(rgb, body)
        elif kind == b"irot" and body:
            rgb = np.rot90(rgb, body[0] & 3)  # quarter turns to the left
        elif kind == b"imir" and body:
            rgb = rgb[:, ::-1] if body[0] & 1 else rgb[::-1]
    return np.ascontiguousarray(rgb)


def _cropped(rgb: Image, body: bytes) -> Image:
    """Crop to the clean aperture: a size, and the offset of its centre from the picture's."""
    numbers = struct.unpack_from(">IIIIiIiI", body)
    if not all(numbers[1::2]):
        return rgb
    width, height, right, down = (
        Fraction(top, bottom) for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)
    )
    left = (rgb.shape[1] - width) / 2 + right
    top = (rgb.shape[0] - height) / 2 + down
    if left < 0 or top < 0 or width < 1 or height < 1:
        return rgb
    x, y = math.floor(left), math.floor(top + Fraction(1, 2))  # of parts of a pixel as libheif
    cropped = rgb[y : y + round(height), x : x + round(width)]
    return cropped if cropped.size else rgb
