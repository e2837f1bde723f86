"""Decode TIFF files: by their samples, or with OpenCV and a directory that it reads right.

Fax and JPEG compression and colours such as YCbCr are left to OpenCV, whose TIFF reader multiplies
by unassociated alpha and mixes up rotated tiles. Each has an equivalent that it reads correctly, so
a new directory for the page is appended to the file.
"""

from __future__ import annotations

import lzma
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.errors import DecodeError
from common_ml.media.access import quoted
from common_ml.media.headers import tiff
from common_ml.media.images import ffmpeg, opencv, tiff_colours
from common_ml.media.images.orientation import upright
from common_ml.media.images.tiff_directory import rewritten
from common_ml.media.images.tiff_samples import MissingSamplesError, read_samples

if TYPE_CHECKING:
    import numpy.typing as npt

    from common_ml.media.images.tiff_directory import Overrides
    from common_ml.types import StrPath

_DEFLATE, _LZMA, _WEBP = 8, 34925, 50001
_JPEG2000 = frozenset({33003, 33004, 33005, 34712})
_UNASSOCIATED = 2


def decode(data: bytes, page: tiff.Directory, path: StrPath) -> npt.NDArray[Any] | None:
    """Decode a page to grey or RGB, upright, at its depth; None where OpenCV cannot.

    Raises:
        DecodeError: damaged.
    """
    _check_tiles(page, path)
    data, changes = _recompressed(data, page, path)
    if changes:
        data = rewritten(data, page, changes)
        page, changes = tiff.first_directory(data) or page, {}
    pixels = _by_samples(data, page, path)
    if pixels is not None:
        return pixels
    extra = page.values(tiff.EXTRA_SAMPLES, max_count=8)
    if _UNASSOCIATED in extra:
        changes[tiff.EXTRA_SAMPLES] = tuple(0 for _ in extra)
    orientation = page.value(tiff.ORIENTATION, 1)
    if orientation != 1:
        changes[tiff.ORIENTATION] = (1,)
    is_shown_page = tiff.first_directory(data) == page
    stated = data if is_shown_page and not changes else rewritten(data, page, changes)
    pixels = opencv.decode(stated, path, applies_orientation=True)
    return pixels if pixels is None else upright(pixels, orientation)


def _by_samples(data: bytes, page: tiff.Directory, path: StrPath) -> npt.NDArray[Any] | None:
    """Read samples as they are stored; None where the layout or the colours are not supported."""
    if not tiff_colours.is_supported(page):
        return None
    wanted = tiff_colours.NUM_SAMPLES[page.value(tiff.PHOTOMETRIC, tiff_colours.BLACK_IS_ZERO)]
    places = list(zip(*_places(page, data), strict=False))  # a damaged file may have too few
    try:
        samples = read_samples(data, page, places, wanted)
    except MissingSamplesError as error:
        raise _damaged(path) from error
    pixels = samples if samples is None else tiff_colours.grey_or_rgb(samples, page)
    return pixels if pixels is None else upright(pixels, page.value(tiff.ORIENTATION, 1))


def decode_by_ffmpeg(data: bytes, page: tiff.Directory, path: StrPath) -> npt.NDArray[Any]:
    """Decode a page without OpenCV, else with FFmpeg, which knows neither tiles nor BigTIFF.

    Raises:
        DecodeError: damaged, truncated, or not supported.
    """
    _check_tiles(page, path)
    pixels = _by_samples(data, page, path)
    if pixels is not None:
        return pixels
    compression = page.value(tiff.COMPRESSION, 1)
    unknown = [
        what
        for what, is_so in (
            ("BigTIFF", page.is_big),
            ("tiles", tiff.TILE_OFFSETS in page.tags),
            (f"compression {compression}", compression not in _FFMPEG_COMPRESSIONS),
            ("samples that are not whole numbers of up to 16 bits", not _is_plain(page)),
        )
        if is_so
    ]
    if unknown:
        raise DecodeError(
            f"cannot decode {quoted(path)}: not supported: TIFF with {unknown[0]} without OpenCV",
            path=path,
        )
    offsets, sizes = _places(page, data)
    if any(offset + size > len(data) for offset, size in zip(offsets, sizes, strict=True)):
        raise _damaged(path)  # FFmpeg would return a partial picture
    stated = rewritten(data, page, {tiff.ORIENTATION: (1,)})
    pixels = ffmpeg.decode_data(stated, path, codec="tiff")
    return upright(pixels, page.value(tiff.ORIENTATION, 1))


def _is_plain(page: tiff.Directory) -> bool:
    """Whether all samples are unsigned integers of up to 16 bits."""
    is_unsigned = all(value == 1 for value in page.values(tiff.SAMPLE_FORMAT, max_count=8))
    return is_unsigned and page.value(tiff.BITS, 1) <= 16


_FFMPEG_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, _DEFLATE, 32946, 32773})


def _places(page: tiff.Directory, data: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return offsets and sizes of the strips or tiles."""
    if tiff.TILE_OFFSETS in page.tags:
        offsets, sizes = page.values(tiff.TILE_OFFSETS), page.values(tiff.TILE_SIZES)
    else:
        offsets, sizes = page.values(tiff.STRIP_OFFSETS), page.values(tiff.STRIP_SIZES)
    if len(sizes) != len(offsets):  # some writers leave them out
        sizes = tuple(max(len(data) - offset, 0) for offset in offsets)
    return offsets, sizes


def _recompressed(data: bytes, page: tiff.Directory, path: StrPath) -> tuple[bytes, Overrides]:
    """Recompress strips or tiles as Deflate that OpenCV cannot decompress."""
    compression = page.value(tiff.COMPRESSION, 1)
    max_bytes = _bytes_of_part(page)
    is_small_tile = tiff.TILE_OFFSETS in page.tags and max_bytes < _SMALL_TILE
    if compression not in {_LZMA, _WEBP, *_JPEG2000} and not (compression == 1 and is_small_tile):
        return data, {}
    offsets, sizes = _places(page, data)
    parts, places, at = [], [], len(data) + len(data) % 2
    padding = b"\0" * (len(data) % 2)
    for offset, size in zip(offsets, sizes, strict=True):
        coded = data[offset : offset + size]
        if compression == 1:
            raw = coded
        elif compression == _LZMA:
            raw = _without_lzma(coded, max_bytes, path)
        else:
            raw = _samples(coded, page, path)
        packed = zlib.compress(raw, 1)
        parts.append(packed)
        places.append(at)
        at += len(packed)
    is_tiled = tiff.TILE_OFFSETS in page.tags
    changes: Overrides = {
        tiff.COMPRESSION: (_DEFLATE,),
        tiff.TILE_OFFSETS if is_tiled else tiff.STRIP_OFFSETS: tuple(places),
        tiff.TILE_SIZES if is_tiled else tiff.STRIP_SIZES: tuple(map(len, parts)),
    }
    if compression != _LZMA:
        changes[tiff.PREDICTOR] = None
        changes[_SUBSAMPLING] = (1, 1) if page.value(tiff.PHOTOMETRIC, 1) == _YCBCR else None
    return b"".join([data, padding, *parts]), changes


_SUBSAMPLING, _YCBCR = 530, 6
_SMALL_TILE = 1024
"""Minimum bytes of an uncompressed tile that OpenCV expects."""


def _bytes_of_part(page: tiff.Directory) -> int:
    """Return the size of an uncompressed strip or tile."""
    width, height = page.value(tiff.WIDTH, 0), page.value(tiff.HEIGHT, 0)
    if tiff.TILE_OFFSETS in page.tags:
        width, rows = page.value(tiff.TILE_WIDTH, 0), page.value(tiff.TILE_HEIGHT, 0)
    else:
        rows = min(page.value(tiff.ROWS_PER_STRIP, height), height)
    samples = 1 if page.value(tiff.PLANAR, 1) == 2 else page.value(tiff.SAMPLES, 1)
    return rows * -(-width * samples * page.value(tiff.BITS, 1) // 8)


def _without_lzma(coded: bytes, max_bytes: int, path: StrPath) -> bytes:
    try:
        return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress(coded, max_bytes)
    except lzma.LZMAError as error:
        raise _damaged(path) from error


_LZMA_MEMORY = 1 << 28


def _samples(coded: bytes, page: tiff.Directory, path: StrPath) -> bytes:
    """Decode a strip or tile that is a separate picture to the page's samples."""
    pixels = opencv.decode_part(coded)
    wanted = 1 if page.value(tiff.PLANAR, 1) == 2 else page.value(tiff.SAMPLES, 1)
    if pixels is None:
        raise _damaged(path)
    if pixels.ndim == 3 and pixels.shape[2] == 3 and wanted == 4:
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, pixels.dtype)])
    samples = pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]
    raw = samples.astype(f"{page.order}u{pixels.dtype.itemsize}").tobytes()
    if samples.shape[2] != wanted or pixels.dtype.itemsize * 8 != page.value(tiff.BITS, 1):
        raise _damaged(path)
    return raw.ljust(_bytes_of_part(page), b"\0") if tiff.TILE_OFFSETS in page.tags else raw


def _check_tiles(page: tiff.Directory, path: StrPath) -> None:
    """Refuse tiles far larger than the picture: memory is allocated for a whole one."""
    width, height = page.value(tiff.WIDTH, 0), page.value(tiff.HEIGHT, 0)
    tile_width, tile_height = page.value(tiff.TILE_WIDTH, 0), page.value(tiff.TILE_HEIGHT, 0)
    if tile_width > width + _MAX_PADDING or tile_height > height + _MAX_PADDING:
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged: a tile has {tile_width} x"
            f" {tile_height} pixels, and all of it {width} x {height}",
            path=path,
        )


_MAX_PADDING = 4096


def _damaged(path: StrPath) -> DecodeError:
    return DecodeError(
        f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
    )
