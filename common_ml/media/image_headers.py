"""What the first bytes of a still image say: how large it is, and which way up."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as stored, or None where that takes a real decoder.

    Args:
        data: The file, or at least its header. All formats that OpenCV decodes are read.
    """
    read = next((read for magic, read in _SIZE_READERS if magic.match(data)), None)
    try:
        return read(data) if read else None
    except (struct.error, OverflowError):
        return None  # truncated, or it points far beyond its end: the decoder will say so


def says_orientation(data: bytes) -> bool:
    """Whether `orientation` reads it; in all other formats OpenCV turns the picture itself."""
    return data[4:8] == b"ftyp" or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def orientation(data: bytes) -> int:
    """How a WebP or AVIF picture has to be turned: a value of EXIF's Orientation, 1 to 8.

    OpenCV turns JPEG, PNG and TIFF in all versions, WebP only in new ones, and AVIF (which says
    it in boxes of its own) in none. So these two are turned by us, and it is told not to.
    """
    if not says_orientation(data):
        return 1
    return _avif_orientation(data) if data[4:8] == b"ftyp" else _webp_orientation(data)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 4 <= len(data):
        marker, length = data[position + 1], struct.unpack_from(">H", data, position + 2)[0]
        # The frame headers are C0..CF, but for DHT (C4), JPG (C8) and DAC (CC).
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", data, position + 5)
            return width, height
        position += 1 if marker == 0xFF else 2 + length  # FF before a marker is padding
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
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


def _size_at(layout: str, offset: int) -> Callable[[bytes], tuple[int, int]]:
    def read(data: bytes) -> tuple[int, int]:
        width, height = struct.unpack_from(layout, data, offset)
        return width, abs(height)  # a BMP from the top downwards has a negative height

    return read


def _tiff_size(data: bytes) -> tuple[int, int] | None:
    """Tags 0x0100 and 0x0101 of the first directory."""
    order = "<" if data[:2] == b"II" else ">"
    (version,) = struct.unpack_from(f"{order}H", data, 2)
    if version == 42:
        (directory,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, directory)
        first, entry, value_at = directory + 2, 12, 8
    else:  # BigTIFF
        (directory,) = struct.unpack_from(f"{order}Q", data, 8)
        (count,) = struct.unpack_from(f"{order}Q", data, directory)
        first, entry, value_at = directory + 8, 20, 12
    sides: dict[int, int] = {}
    for at in range(first, min(first + entry * count, len(data) - entry + 1), entry):
        tag, kind = struct.unpack_from(f"{order}HH", data, at)
        if tag in (0x0100, 0x0101) and kind in _TIFF_NUMBERS:
            (sides[tag],) = struct.unpack_from(order + _TIFF_NUMBERS[kind], data, at + value_at)
    return (sides[0x0100], sides[0x0101]) if len(sides) == 2 else None


_TIFF_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 16: "Q"}
"""Kind of a value -> its layout."""


def _jpeg2000_size(data: bytes) -> tuple[int, int] | None:
    """The marker SIZ, which the decoder believes, rather than a box around it."""
    start = data.find(b"\xff\x4f\xff\x51")
    if start < 0:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    return right - left, bottom - top


def _avif_size(data: bytes) -> tuple[int, int] | None:
    """The largest `ispe`: there may be one of a thumbnail, too, or of a tile."""
    sizes = [struct.unpack(">II", match.group(1)) for match in _AVIF_SIZE.finditer(data)]
    return max(sizes, key=lambda size: size[0] * size[1]) if sizes else None


_AVIF_SIZE = re.compile(rb"\0\0\0\x14ispe\0{4}(.{8})", re.DOTALL)


def _size_in_text(pattern: bytes) -> Callable[[bytes], tuple[int, int] | None]:
    """Groups `width` and `height` of a header in letters."""
    compiled = re.compile(pattern, re.DOTALL)

    def read(data: bytes) -> tuple[int, int] | None:
        match = compiled.match(data[:_LONGEST_TEXT])
        return (int(match["width"]), int(match["height"])) if match else None

    return read


_LONGEST_TEXT = 1 << 16
_GAP = rb"(?:\s|\#[^\n]*\n)+"
"""Between two numbers: blanks, and comments to the end of their line."""
_WIDTH, _HEIGHT = rb"(?P<width>\d{1,10})", rb"(?P<height>\d{1,10})"

_SIZE_READERS: list[tuple[re.Pattern[bytes], Callable[[bytes], tuple[int, int] | None]]] = [
    (re.compile(rb"\xff\xd8\xff"), _jpeg_size),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _size_at(">II", 16)),
    (re.compile(rb"GIF8[79]a"), _size_at("<HH", 6)),
    (re.compile(rb"BM.{12}\x0c\0\0\0", re.DOTALL), _size_at("<HH", 18)),
    (re.compile(rb"BM"), _size_at("<ii", 18)),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp_size),
    (re.compile(rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]"), _tiff_size),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), _jpeg2000_size),
    (re.compile(rb"....ftyp", re.DOTALL), _avif_size),
    (re.compile(rb"\x59\xa6\x6a\x95"), _size_at(">II", 4)),  # Sun raster
    (re.compile(rb"P[1-6]\s"), _size_in_text(rb"P." + _GAP + _WIDTH + _GAP + _HEIGHT)),
    (re.compile(rb"P[Ff]\s"), _size_in_text(rb"P." + _GAP + _WIDTH + _GAP + _HEIGHT)),
    (
        re.compile(rb"P7\n"),
        _size_in_text(rb"P7\n.*?WIDTH\s+" + _WIDTH + rb".*?HEIGHT\s+" + _HEIGHT),
    ),
    (
        re.compile(rb"\#\?(?:RADIANCE|RGBE)"),
        _size_in_text(rb".*?\n[-+]Y\s+" + _HEIGHT + rb"\s+[-+]X\s+" + _WIDTH),
    ),
]


def _webp_orientation(data: bytes) -> int:
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        if name == b"EXIF":
            return _exif_orientation(data[position + 8 : position + 8 + size])
        position += 8 + size + size % 2
    return 1


def _exif_orientation(exif: bytes) -> int:
    """Look for tag 0x0112 in the first directory."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return 1
    (directory,) = struct.unpack_from(f"{order}I", exif, 4)
    for tag, value in _entries(exif, order, directory):
        if tag == 0x0112:
            return value if 1 <= value <= 8 else 1
    return 1


def _entries(exif: bytes, order: str, directory: int) -> Iterator[tuple[int, int]]:
    """Tag and short value of the entries, as many as are really there."""
    if directory + 2 > len(exif):
        return
    (count,) = struct.unpack_from(f"{order}H", exif, directory)
    for at in range(directory + 2, min(directory + 2 + 12 * count, len(exif) - 11), 12):
        yield struct.unpack_from(f"{order}H6xH", exif, at)


def _avif_orientation(data: bytes) -> int:
    """Read `irot` (quarter turns to the left) and `imir` (mirrored, after that)."""
    start = data.find(b"meta")
    meta = data[start : start - 4 + int.from_bytes(data[max(start - 4, 0) : start], "big")]
    turns = _PROPERTY["irot"].search(meta)
    mirror = _PROPERTY["imir"].search(meta)
    return _ORIENTATIONS[
        turns.group(1)[0] & 3 if turns else 0, mirror.group(1)[0] & 1 if mirror else None
    ]


_PROPERTY = {
    name: re.compile(rb"\0\0\0\x09" + name.encode() + rb"(.)", re.DOTALL)
    for name in ("irot", "imir")
}
_ORIENTATIONS = {
    (0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6,
    (0, 1): 2, (1, 1): 7, (2, 1): 4, (3, 1): 5,  # left and right change places
    (0, 0): 4, (1, 0): 5, (2, 0): 2, (3, 0): 7,  # top and bottom do
}  # fmt: skip
