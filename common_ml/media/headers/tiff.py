"""Read the directories of a TIFF file: also those of BigTIFF, DNG and EXIF blocks."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DIRECTORIES = 64
"""Maximum directories visited: pages, and the directories below them."""

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS_PER_STRIP, STRIP_SIZES = 273, 274, 277, 278, 279
PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 284, 317, 322, 323, 324, 325
SUB_DIRECTORIES, EXTRA_SAMPLES, SAMPLE_FORMAT = 330, 338, 339
FILL_ORDER, COLOUR_MAP, INK_SET = 266, 320, 332
NEW_SUBFILE_TYPE, DNG_VERSION = 254, 50706

_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
"""Type of a tag's values -> its layout in `struct`."""
_OTHER_SIZES = {2: 1, 5: 8, 7: 1, 10: 8, 11: 4, 12: 8}
"""Bytes of one value of a type that is not a whole number."""


@dataclass(frozen=True)
class TiffTag:
    """One entry of a directory."""

    kind: int
    """Type of its values."""
    count: int
    """Stated number of values."""
    at: int
    """Offset of its values in the file."""


@dataclass(frozen=True)
class Directory:
    """A page of a TIFF file."""

    data: bytes = field(repr=False)
    order: str
    """Byte order, `<` or `>` as in `struct`."""
    is_big: bool
    """Whether it is BigTIFF."""
    tags: dict[int, TiffTag]
    """The first entry of each number."""
    next: int
    """Offset of the next directory, 0 for none."""
    duplicates: tuple[tuple[int, TiffTag], ...] = ()
    """Further entries of a repeated number: decoders disagree on which one counts."""

    def values(self, number: int, *, max_count: int = 1 << 24) -> tuple[int, ...]:
        """Return the integers of a tag, as many as the file has; () without such a tag."""
        tag = self.tags.get(number)
        return self._values(tag, max_count) if tag else ()

    def value(self, number: int, default: int) -> int:
        """Return the first value of a tag, or `default`."""
        return next(iter(self.values(number, max_count=1)), default)

    def largest(self, number: int) -> int | None:
        """Return the largest first value of all entries of the number; None if unknown."""
        entries = [self.tags.get(number), *(tag for n, tag in self.duplicates if n == number)]
        claims = [self._values(tag, 1) for tag in entries if tag]
        return max(claim[0] for claim in claims) if claims and all(claims) else None

    def _values(self, tag: TiffTag, max_count: int) -> tuple[int, ...]:
        layout = _NUMBERS.get(tag.kind)
        if layout is None or tag.at >= len(self.data):
            return ()
        room = (len(self.data) - tag.at) // struct.calcsize(f"={layout}")
        count = min(tag.count, max_count, room)
        return struct.unpack_from(f"{self.order}{count}{layout}", self.data, tag.at)


def first_directory(data: bytes) -> Directory | None:
    """Read the first directory of the file; None where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    is_big = struct.unpack_from(f"{order}H", data, 2)[0] == 43
    if is_big and len(data) < 16:
        return None
    (offset,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", data, 8 if is_big else 4)
    return directory_at(data, offset, order, is_big=is_big)


def all_directories(data: bytes) -> Iterator[Directory]:
    """Yield the pages in order, each followed by the directories below it, each once."""
    first = first_directory(data)
    if first is None:
        return
    waiting, seen = [first], set[int]()
    while waiting and len(seen) < MAX_DIRECTORIES:
        directory = waiting.pop(0)
        yield directory
        for offset in (*directory.values(SUB_DIRECTORIES, max_count=16), directory.next):
            if offset and offset not in seen and len(seen) < MAX_DIRECTORIES:
                seen.add(offset)
                found = directory_at(data, offset, directory.order, is_big=directory.is_big)
                waiting += [found] if found else []


def directory_at(data: bytes, offset: int, order: str, *, is_big: bool) -> Directory | None:
    """Read the directory at an offset, with as many entries as the file has."""
    count_layout, entry_size, inline = ("Q", 20, 8) if is_big else ("H", 12, 4)
    first = offset + struct.calcsize(f"={count_layout}")
    if offset < 8 or first > len(data):
        return None
    (count,) = struct.unpack_from(order + count_layout, data, offset)
    end = first + entry_size * count
    tags: dict[int, TiffTag] = {}
    duplicates: list[tuple[int, TiffTag]] = []
    for at in range(first, min(end, len(data) - entry_size + 1), entry_size):
        number, kind = struct.unpack_from(f"{order}HH", data, at)
        (length,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", data, at + 4)
        value_at = at + entry_size - inline
        if length * size_of(kind) > inline:
            (value_at,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", data, value_at)
        tag = TiffTag(kind, length, value_at)
        if number in tags:
            duplicates.append((number, tag))
        else:
            tags[number] = tag
        if len(tags) + len(duplicates) > _MAX_ENTRIES:
            break
    following = 0
    if end + inline <= len(data):
        (following,) = struct.unpack_from(f"{order}{'Q' if is_big else 'I'}", data, end)
    return Directory(data, order, is_big, tags, following, tuple(duplicates))


_MAX_ENTRIES = 4096


def size_of(kind: int) -> int:
    """Return the bytes of one value of a type."""
    layout = _NUMBERS.get(kind)
    return struct.calcsize(f"={layout}") if layout else _OTHER_SIZES.get(kind, 1)


def shown_directory(data: bytes) -> Directory | None:
    """Return the first page that is not a reduced copy of another one; the first, if all are."""
    pages = all_directories(data)
    first = next(pages, None)
    if first is None or not first.value(NEW_SUBFILE_TYPE, 0) & _REDUCED:
        return first
    return next((page for page in pages if not page.value(NEW_SUBFILE_TYPE, 0) & _REDUCED), first)


_REDUCED = 1
"""Bit of the tag NewSubfileType."""


def raw_kind(data: bytes) -> str:
    """Return the kind of camera raw data in the file, or ""."""
    if data[8:10] == b"CR":
        return "CR2"
    pages = list(all_directories(data))
    is_raw = any(page.value(PHOTOMETRIC, 0) in _SENSOR_DATA for page in pages)
    if is_raw and any(DNG_VERSION in page.tags for page in pages):
        return "DNG"
    return "sensor data in a TIFF" if is_raw else ""


_SENSOR_DATA = frozenset({32803, 34892})
"""Photometric interpretations: colour filter array, and LinearRaw."""

UNKNOWN_COMPRESSIONS = {
    9: "JBIG", 10: "JBIG", 22610: "JPEG XR",
    34661: "JBIG", 34715: "JBIG2", 34887: "LERC", 34892: "lossy JPEG", 34933: "PNG",
    34934: "JPEG XR", 50000: "Zstandard", 50002: "JPEG XL", 52546: "JPEG XL", 32867: "Kodak",
    34713: "Nikon NEF", 32908: "Pixar film",
    32895: "IT8", 32896: "IT8", 32897: "IT8", 32898: "IT8", 7000: "Sony ARW",
    32767: "Sony ARW", 32769: "Epson ERF", 32770: "Samsung SRW",
}  # fmt: skip
"""Unsupported compression -> its name."""
