"""Read the size and orientation of a WebP file."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from common_ml.media.headers.exif import exif_orientation

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_CHUNKS = 100_000


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels, of the canvas where it has one; None if unknown."""
    if len(data) < 30:
        return None
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if data[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8X":
        low_width, high_width, low_height, high_height = struct.unpack_from("<HBHB", data, 24)
        return (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1
    return None


def webp_orientation(data: bytes) -> int:
    """Return EXIF's Orientation, 1 to 8."""
    for name, start, end in _chunks(data):
        if name == b"EXIF":
            return exif_orientation(data[start:end])
    return 1


def first_frame(data: bytes) -> bytes:
    """Return the first frame of an animation as a separate file; other files unchanged."""
    for name, start, end in _chunks(data):
        if name == b"ANMF" and data[start : start + 6] == bytes(6) and end <= len(data):
            body = data[start + 16 : end]  # after position, size and duration
            size = data[start + 6 : start + 12]
            canvas = b"VP8X" + struct.pack("<II", 10, _HAS_ALPHA) + size
            chunks = b"WEBP" + canvas + body
            return b"RIFF" + struct.pack("<I", len(chunks)) + chunks
    return data


_HAS_ALPHA = 0x10


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the body of each chunk."""
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        name, size = struct.unpack_from("<4sI", data, position)
        yield name, position + 8, position + 8 + size
        position += 8 + size + size % 2
