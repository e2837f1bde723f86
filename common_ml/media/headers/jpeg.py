"""Read the markers before the data of a JPEG picture."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from common_ml.media.headers.exif import exif_orientation


@dataclass(frozen=True)
class JpegHeader:
    """The frame header."""

    process: int
    """Second byte of its marker: 0xC0 baseline, 0xC2 progressive, 0xC3 lossless, 0xF7 JPEG-LS."""
    bits: int
    """Bits per sample."""
    width: int
    height: int
    num_components: int
    orientation: int = 1
    """Orientation of the first EXIF block."""


JPEG_LS = 0xF7
LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_FRAMES = frozenset({*range(0xC0, 0xD0), JPEG_LS}) - {0xC4, 0xC8, 0xCC}  # DHT, JPG, DAC
_NO_BODY = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length: TEM, RST0 to RST7, SOI."""
_LAST = frozenset({0xD9, 0xDA})
"""EOI and SOS: no frame header follows them."""
_MARKER = re.compile(rb"\xff([^\xff\0])", re.DOTALL)  # the last FF of several
_APP1 = 0xE1


def jpeg_header(data: bytes) -> JpegHeader | None:
    """Read up to the first scan; None where there is no frame header.

    Bytes between segments are skipped up to the next marker, as by libjpeg and FFmpeg.
    """
    frame: tuple[int, int, int, int, int] | None = None
    orientation, position = 0, 2
    while marker := _MARKER.search(data, position):
        code, position = marker[1][0], marker.end()
        if code in _NO_BODY:
            continue
        if code in _LAST or position + 2 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, position)
        if code in _FRAMES and frame is None:
            if position + 8 > len(data):
                break
            bits, height, width, num = struct.unpack_from(">BHHB", data, position + 2)
            frame = code, bits, width, height, num
        body = data[position + 2 : position + length] if code == _APP1 and not orientation else b""
        if body.startswith(b"Exif\0\0"):
            orientation = exif_orientation(body)
        position += max(length, 2)
    return JpegHeader(*frame, orientation or 1) if frame else None


def samples_are_interleaved(data: bytes) -> bool:
    """Whether the first scan of a JPEG-LS picture is interleaved by sample."""
    start = first_scan(data)
    mode_at = start + 6 + 2 * data[start + 4] if 0 <= start < len(data) - 4 else len(data)
    return data[mode_at : mode_at + 1] == b"\2"


def has_end(data: bytes) -> bool:
    """Whether the marker EOI follows the first scan: without it, data are missing."""
    start = first_scan(data)
    return start >= 0 and data.find(END, start) >= 0


END = b"\xff\xd9"


def first_scan(data: bytes) -> int:
    """Return the offset of the first marker SOS, -1 without one."""
    position = 2
    while marker := _MARKER.search(data, position):
        code, position = marker[1][0], marker.end()
        if code == _SOS:
            return position - 2
        if code not in _NO_BODY:
            position += max(int.from_bytes(data[position : position + 2], "big"), 2)
    return -1


_SOS = 0xDA
