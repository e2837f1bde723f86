"""Read the samples of a TIFF page as they are stored: of any depth, in strips, tiles or planes.

For what is compressed without loss. The layout is that of TIFF 6.0; the predictors are those of its
section 14 and of Adobe's technical note 3.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.media.headers import tiff
from common_ml.media.images import opencv
from common_ml.media.images.tiff_directory import rewritten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from common_ml.media.images.tiff_directory import Overrides

    Samples = npt.NDArray[Any]
    Bytes = npt.NDArray[np.uint8]

_PLAIN, _LZW, _DEFLATES, _PACKBITS = 1, 5, frozenset({8, 32946}), 32773
_BY_OPENCV = frozenset({_LZW, _PACKBITS})
_HORIZONTAL, _FLOATING = 2, 3
_KINDS = {1: "u", 2: "i", 3: "f"}
"""SampleFormat -> kind of a NumPy type."""
_WHOLE_BYTES = {"u": {8, 16, 32, 64}, "i": {8, 16, 32, 64}, "f": {16, 32, 64}}
_MAX_PACKED_BITS = 15
_MAX_BYTES_PER_PIXEL = 64
_MAX_PART_BYTES = 1 << 28
_UNPACKED_ROWS = 64
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class MissingSamplesError(Exception):
    """Bytes of the page are missing, or cannot be decompressed."""


@dataclass(frozen=True)
class _Layout:
    width: int
    height: int
    bits: int
    kind: str
    samples: int
    """Samples that are stored side by side: all, or 1 where each has a plane."""
    part_width: int
    part_height: int
    is_tiled: bool
    predictor: int

    @property
    def row_bytes(self) -> int:
        """Bytes of a row of a strip or tile."""
        return -(-self.part_width * self.samples * self.bits // 8)

    @property
    def num_across(self) -> int:
        return -(-self.width // self.part_width)

    @property
    def num_parts(self) -> int:
        """Strips or tiles of the page, or of each plane."""
        return self.num_across * -(-self.height // self.part_height)

    def rows_of(self, part: int) -> int:
        """Rows of a strip or tile: the last strip may have fewer."""
        if self.is_tiled:
            return self.part_height
        return min(self.part_height, self.height - part * self.part_height)


def read_samples(
    data: bytes,
    page: tiff.Directory,
    places: Sequence[tuple[int, int]],
    max_samples: int,
) -> Samples | None:
    """Return the samples as they are stored, not yet upright; None if the layout is unsupported.

    Args:
        data: The file.
        page: Its directory.
        places: Offset and number of bytes of each strip or tile.
        max_samples: Of each pixel, how many are wanted.

    Returns:
        Shape (H, W, samples): integers of 8 to 64 bits, or floats. What has fewer bits than its
        type is not scaled.

    Raises:
        MissingSamplesError: the page is truncated or damaged.
    """
    layout = _layout(page)
    compression = page.value(tiff.COMPRESSION, _PLAIN)
    if layout is None or not _can_unpack(layout, compression):
        return None
    in_planes = page.value(tiff.PLANAR, 1) == 2
    num_planes = min(page.value(tiff.SAMPLES, 1), max_samples) if in_planes else 1
    if len(places) < layout.num_parts * num_planes:
        raise MissingSamplesError
    planes = []
    for number in range(num_planes):
        first = number * layout.num_parts
        of_plane = places[first : first + layout.num_parts]
        planes.append(_plane(data, page, layout, of_plane)[:, :, :max_samples])
    return planes[0] if num_planes == 1 else np.concatenate(planes, axis=2)


def _can_unpack(layout: _Layout, compression: int) -> bool:
    if layout.samples > 4 and layout.row_bytes * layout.part_height > _MAX_PART_BYTES:
        return False  # samples that are left out anyway have to be unpacked
    if compression not in _BY_OPENCV:
        return compression == _PLAIN or compression in _DEFLATES
    part = layout.row_bytes * layout.part_height
    return layout.row_bytes <= _OPENCV_WIDTH and part <= opencv.max_pixels()


def _layout(page: tiff.Directory) -> _Layout | None:
    width, height = page.value(tiff.WIDTH, 0), page.value(tiff.HEIGHT, 0)
    bits = page.values(tiff.BITS, max_count=64) or (1,)
    kinds = page.values(tiff.SAMPLE_FORMAT, max_count=64) or (1,)
    kind = _KINDS.get(kinds[0], "")
    is_packed = kind == "u" and 0 < bits[0] <= _MAX_PACKED_BITS
    samples = page.value(tiff.SAMPLES, 1)
    if not width * height * samples or len({*bits}) > 1 or len({*kinds}) > 1:
        return None
    if not is_packed and bits[0] not in _WHOLE_BYTES.get(kind, ()):
        return None
    predictor = page.value(tiff.PREDICTOR, 1)
    is_whole = bits[0] % 8 == 0
    if not (
        predictor == 1
        or (predictor == _HORIZONTAL and is_whole and kind != "f")
        or (predictor == _FLOATING and kind == "f")
    ):
        return None
    side_by_side = 1 if page.value(tiff.PLANAR, 1) == 2 else samples
    if side_by_side * bits[0] > _MAX_BYTES_PER_PIXEL * 8:
        return None
    is_tiled = tiff.TILE_OFFSETS in page.tags
    part_width, part_height = width, min(page.value(tiff.ROWS_PER_STRIP, height), height)
    if is_tiled:
        part_width, part_height = page.value(tiff.TILE_WIDTH, 0), page.value(tiff.TILE_HEIGHT, 0)
    if not part_width * part_height:
        return None
    return _Layout(
        width=width, height=height, bits=bits[0], kind=kind, samples=side_by_side,
        part_width=part_width, part_height=part_height, is_tiled=is_tiled,
        predictor=predictor if page.value(tiff.COMPRESSION, _PLAIN) != _PLAIN else 1,
    )  # fmt: skip


def _plane(
    data: bytes, page: tiff.Directory, layout: _Layout, places: Sequence[tuple[int, int]]
) -> Samples:
    """Put the strips or tiles together: shape (H, W, samples)."""
    whole: Samples | None = None
    for part, rows in enumerate(_unpacked_parts(data, page, layout, places)):
        pixels = _pixels(rows, page.order, layout)
        if whole is None:
            whole = np.empty((layout.height, layout.width, layout.samples), pixels.dtype)
        down, across = divmod(part, layout.num_across)
        top, left = down * layout.part_height, across * layout.part_width
        place = whole[top : top + layout.part_height, left : left + layout.part_width]
        place[:] = pixels[: place.shape[0], : place.shape[1]]
    if whole is None:
        raise MissingSamplesError
    return whole


# -- Bytes ----------------------------------------------------------------------------------------


def _unpacked_parts(
    data: bytes, page: tiff.Directory, layout: _Layout, places: Sequence[tuple[int, int]]
) -> Iterator[Bytes]:
    """Yield the bytes of each strip or tile: uint8, shape (rows, bytes of a row)."""
    compression = page.value(tiff.COMPRESSION, _PLAIN)
    if compression in _BY_OPENCV:
        yield from _by_opencv(data, page, layout, places)
        return
    is_reversed = page.value(tiff.FILL_ORDER, 1) == 2
    for part, (offset, size) in enumerate(places):
        num_rows = layout.rows_of(part)
        num_bytes = num_rows * layout.row_bytes
        coded = data[offset : offset + size]
        if is_reversed:
            coded = coded.translate(_REVERSED)
        raw = coded if compression == _PLAIN else _inflated(coded, num_bytes)
        if len(raw) < num_bytes:
            raise MissingSamplesError
        yield np.frombuffer(raw, np.uint8, num_bytes).reshape(num_rows, layout.row_bytes)


def _inflated(coded: bytes, num_bytes: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(coded, num_bytes)
    except zlib.error as error:
        raise MissingSamplesError from error


def _by_opencv(
    data: bytes, page: tiff.Directory, layout: _Layout, places: Sequence[tuple[int, int]]
) -> Iterator[Bytes]:
    """Let OpenCV decompress the parts: as pictures whose grey samples are their bytes."""
    size = max(1, _OPENCV_BYTES // (layout.part_height * layout.row_bytes))
    for first in range(0, len(places), size):
        chunk = places[first : first + size]
        if any(offset + length > len(data) for offset, length in chunk):
            raise MissingSamplesError
        heights = [layout.rows_of(part) for part in range(first, first + len(chunk))]
        changes: Overrides = {
            **dict.fromkeys(page.tags),
            tiff.WIDTH: (layout.row_bytes,),
            tiff.HEIGHT: (sum(heights),),
            tiff.BITS: (8,),
            tiff.COMPRESSION: page.values(tiff.COMPRESSION),
            tiff.PHOTOMETRIC: (1,),
            tiff.FILL_ORDER: page.values(tiff.FILL_ORDER),
            tiff.STRIP_OFFSETS: tuple(offset for offset, _ in chunk),
            tiff.SAMPLES: (1,),
            tiff.ROWS_PER_STRIP: (layout.part_height,),
            tiff.STRIP_SIZES: tuple(length for _, length in chunk),
        }
        rows = opencv.decode_part(rewritten(data, page, changes))
        if rows is None or rows.shape != (sum(heights), layout.row_bytes):
            raise MissingSamplesError
        yield from np.split(rows, np.cumsum(heights)[:-1])


_OPENCV_BYTES = 1 << 26
_OPENCV_WIDTH = 1 << 20

# -- Samples --------------------------------------------------------------------------------------


def _pixels(rows: Bytes, order: str, layout: _Layout) -> Samples:
    """Return the samples of a strip or tile: shape (rows, width, samples)."""
    shape = len(rows), layout.part_width, layout.samples
    if layout.bits % 8:
        return _bits(rows, layout.part_width * layout.samples, layout.bits).reshape(shape)
    dtype = np.dtype(f"{order}{layout.kind}{layout.bits // 8}")
    if layout.predictor == _FLOATING:
        return _without_floating_predictor(rows, layout).reshape(shape)
    pixels = rows.view(dtype).astype(dtype.newbyteorder("="), copy=False).reshape(shape)
    if layout.predictor == _HORIZONTAL:
        pixels = np.cumsum(pixels, axis=1, dtype=pixels.dtype)
    return pixels


def _without_floating_predictor(rows: Bytes, layout: _Layout) -> Samples:
    """Each byte is a difference, and the bytes of a row are sorted by their significance."""
    width = layout.bits // 8
    by_pixel = rows.reshape(len(rows), -1, layout.samples)
    sums = np.cumsum(by_pixel, axis=1, dtype=np.uint8).reshape(len(rows), width, -1)
    joined = np.ascontiguousarray(sums.transpose(0, 2, 1)).view(f">f{width}")
    return joined.astype(f"=f{width}")


def _bits(rows: Bytes, count: int, bits: int) -> Samples:
    """Unpack samples of 1 to 15 bits, the first in the highest bits."""
    dtype = np.uint8 if bits <= 8 else np.uint16
    values = np.empty((len(rows), count), dtype)
    weights: Samples = (1 << np.arange(bits)[::-1]).astype(dtype)
    for top in range(0, len(rows), _UNPACKED_ROWS):  # each bit takes a byte
        part = np.unpackbits(rows[top : top + _UNPACKED_ROWS], axis=1)[:, : count * bits]
        values[top : top + len(part)] = np.matmul(part.reshape(len(part), count, bits), weights)
    return values
