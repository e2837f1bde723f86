"""Decode the BMP files that OpenCV misreads: with bit masks, and with headers of OS/2."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common_ml.media.images.depth import scaled

if TYPE_CHECKING:
    import numpy.typing as npt

_FILE_BYTES, _OS2_BYTES, _WINDOWS_BYTES = 14, 12, 40
_MASKS_AT = _FILE_BYTES + _WINDOWS_BYTES
"""Where the masks are, behind the fields of the first header with them, or inside later ones."""
_UNCOMPRESSED, _BIT_FIELDS, _ALPHA_BIT_FIELDS = 0, 3, 6
_FIVE_BITS_EACH = (0x7C00, 0x03E0, 0x001F)


class _Header(NamedTuple):
    pixels_at: int
    width: int
    height: int
    """Negative where rows are stored from the top."""
    bits: int
    compression: int


def decode_masked(data: bytes) -> npt.NDArray[np.uint8] | None:
    """Decode pixels whose colours are parts of a word, each scaled by its own number of bits.

    Returns:
        RGB, shape (H, W, 3); None where the file has no masks, or samples are missing.
    """
    header = _header(data)
    masks = _masks(data, header) if header else None
    if header is None or masks is None:
        return None
    row_bytes = -(-header.width * header.bits // 32) * 4
    rows = abs(header.height)
    if not header.width * rows or header.pixels_at + rows * row_bytes > len(data):
        return None
    stored = np.frombuffer(data, np.uint8, rows * row_bytes, header.pixels_at)
    words = stored.reshape(rows, row_bytes).view("<u2" if header.bits == 16 else "<u4")
    words = words[:, : header.width]
    if header.height > 0:
        words = words[::-1]
    return np.stack([_channel(words, mask) for mask in masks], axis=-1)


def with_windows_header(data: bytes) -> bytes:
    """Return a file with a header of OS/2 as one with a header of Windows; others unchanged."""
    if len(data) < _FILE_BYTES + _OS2_BYTES or data[_FILE_BYTES] != _OS2_BYTES:
        return data
    (pixels_at,) = struct.unpack_from("<I", data, 10)
    if pixels_at > len(data):
        return data
    width, height, planes, bits = struct.unpack_from("<4H", data, _FILE_BYTES + 4)
    palette = data[_FILE_BYTES + _OS2_BYTES : pixels_at] if bits <= 8 else b""
    colours = [palette[n : n + 3] + b"\0" for n in range(0, len(palette) - 2, 3)]
    fields = struct.pack("<IiiHHIIiiII", 40, width, height, planes, bits, 0, 0, 0, 0,
                         len(colours), 0)  # fmt: skip
    head = fields + b"".join(colours)
    starts_at = _FILE_BYTES + len(head)
    whole = starts_at + len(data) - pixels_at
    return struct.pack("<2sIII", b"BM", whole, 0, starts_at) + head + data[pixels_at:]


def _header(data: bytes) -> _Header | None:
    if len(data) < _FILE_BYTES + _WINDOWS_BYTES or data[_FILE_BYTES] < _WINDOWS_BYTES:
        return None
    (pixels_at,) = struct.unpack_from("<I", data, 10)
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, _FILE_BYTES + 4)
    return _Header(pixels_at, max(width, 0), height, bits, compression)


def _masks(data: bytes, header: _Header) -> tuple[int, ...] | None:
    if header.bits == 16 and header.compression == _UNCOMPRESSED:
        return _FIVE_BITS_EACH
    if header.bits not in {16, 32} or len(data) < _MASKS_AT + 12:
        return None
    if header.compression not in {_BIT_FIELDS, _ALPHA_BIT_FIELDS}:
        return None
    masks = struct.unpack_from("<3I", data, _MASKS_AT)
    return None if any(mask >> header.bits for mask in masks) else masks


def _channel(words: npt.NDArray[np.uint16 | np.uint32], mask: int) -> npt.NDArray[np.uint8]:
    shift = (mask & -mask).bit_length() - 1
    white = mask >> shift if mask else 0
    if not white or white.bit_length() > 16:
        return np.zeros(words.shape, np.uint8)
    return scaled((words & words.dtype.type(mask)) >> words.dtype.type(shift), white)
