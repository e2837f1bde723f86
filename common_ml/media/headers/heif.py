"""Read the items of a HEIF file (HEIC, AVIF): the picture to show, its tiles and properties.

After ISO/IEC 23008-12 (items, grids, properties) and ISO/IEC 14496-12 (boxes).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from common_ml.media.headers.boxes import IsoBox, boxes_in

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TILES = 4096
MAX_ITEMS = 20_000


class Colour(NamedTuple):
    """A property `colr` of kind `nclx`: code points of ITU-T H.273."""

    primaries: int
    transfer: int
    matrix: int
    is_full_range: bool


class Property(NamedTuple):
    """One property of an item."""

    kind: bytes
    body: bytes


class HeifGrid(NamedTuple):
    """Layout of tiles in a picture."""

    rows: int
    columns: int
    width: int
    height: int


@dataclass(frozen=True)
class HeifItem:
    """An item: a picture, a tile, or metadata."""

    kind: bytes
    """Kind, such as `hvc1`, `av01`, `grid`."""
    properties: tuple[Property, ...] = ()
    """Properties, in the order in which they apply."""
    parts: tuple[int, ...] = ()
    """Numbers of the items that it is derived from."""
    extents: tuple[tuple[int, int], ...] = ()
    """Extents: offset in the file and number of bytes."""

    def first(self, kind: bytes) -> bytes | None:
        """Return the body of the first property of a kind."""
        return next((p.body for p in self.properties if p.kind == kind), None)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of `ispe`, in pixels."""
        body = self.first(b"ispe")
        return struct.unpack_from(">II", body, 4) if body and len(body) >= 12 else None

    @property
    def colour(self) -> Colour | None:
        """Its code points, if any."""
        for kind, body in self.properties:
            if kind == b"colr" and body[:4] == b"nclx" and len(body) >= 11:
                primaries, transfer, matrix, flags = struct.unpack_from(">HHHB", body, 4)
                return Colour(primaries, transfer, matrix, bool(flags & 0x80))
        return None


@dataclass(frozen=True)
class Heif:
    """The items of a file."""

    data: bytes = field(repr=False)
    primary: int
    items: dict[int, HeifItem]

    def payload(self, item: HeifItem) -> bytes:
        """Return the data of an item; b"" where its extents are outside the file."""
        if any(start + length > len(self.data) for start, length in item.extents):
            return b""
        return b"".join(self.data[start : start + length] for start, length in item.extents)

    def grid(self, item: HeifItem) -> HeifGrid | None:
        """Return the layout of an item `grid`; None where it is invalid."""
        body = self.payload(item)
        layout = ">BBII" if body[1:2] and body[1] & 1 else ">BBHH"
        if len(body) < 2 + struct.calcsize(layout):
            return None
        rows, columns, width, height = struct.unpack_from(layout, body, 2)
        return HeifGrid(rows + 1, columns + 1, width, height)

    def bits(self, item: HeifItem) -> int:
        """Return the bits per sample, from the decoder's configuration or `pixi`."""
        av1, hevc, pixi = (item.first(kind) for kind in (b"av1C", b"hvcC", b"pixi"))
        if av1 and len(av1) >= 3:
            return {0: 8, 2: 10, 3: 12}.get(av1[2] >> 5 & 3, 8)
        if hevc and len(hevc) >= 19:
            return 8 + (hevc[17] & 7)
        return max(pixi[5:], default=8) if pixi else 8


def heif_items(data: bytes) -> Heif | None:
    """Read the box `meta`; None without one that names a primary item."""
    meta = next((box for box in boxes_in(data) if box.kind == b"meta"), None)
    if meta is None:
        return None
    boxes: dict[bytes, IsoBox] = {}
    for box in boxes_in(data, meta.body + 4, meta.end):
        boxes.setdefault(box.kind, box)
    try:
        return _read(data, boxes)
    except (struct.error, IndexError):
        return None  # truncated or invalid


def _read(data: bytes, boxes: dict[bytes, IsoBox]) -> Heif | None:
    if not {b"pitm", b"iinf", b"iloc"} <= boxes.keys():
        return None
    pitm = boxes[b"pitm"]
    (primary,) = struct.unpack_from(">I" if data[pitm.body] else ">H", data, pitm.body + 4)
    kinds = dict(_kinds(data, boxes[b"iinf"]))
    idat = boxes.get(b"idat")
    extents = dict(_extents(data, boxes[b"iloc"], idat.body if idat else len(data)))
    parts = dict(_parts(data, boxes[b"iref"])) if b"iref" in boxes else {}
    properties = dict(_properties(data, boxes[b"iprp"])) if b"iprp" in boxes else {}
    return Heif(
        data,
        primary,
        {
            number: HeifItem(
                kind,
                properties.get(number, ()),
                parts.get(number, ()),
                extents.get(number, ()),
            )
            for number, kind in kinds.items()
        },
    )


def _kinds(data: bytes, iinf: IsoBox) -> Iterator[tuple[int, bytes]]:
    start = iinf.body + (8 if data[iinf.body] else 6)
    for number, box in enumerate(boxes_in(data, start, iinf.end)):
        if number >= MAX_ITEMS:
            return
        version = data[box.body]
        if box.kind == b"infe" and version >= 2:
            layout = ">HxxI" if version == 2 else ">IxxI"
            item, kind = struct.unpack_from(layout, data, box.body + 4)
            yield item, kind.to_bytes(4, "big")


class _Reader:
    """Reader of consecutive integers of any width."""

    def __init__(self, data: bytes, position: int, end: int) -> None:
        self.data, self.position, self.end = data, position, min(end, len(data))

    def take(self, num_bytes: int) -> int:
        if self.position + num_bytes > self.end:
            raise IndexError
        self.position += num_bytes
        return int.from_bytes(self.data[self.position - num_bytes : self.position], "big")


def _extents(
    data: bytes, iloc: IsoBox, idat: int
) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
    reader = _Reader(data, iloc.body, iloc.end)
    version = reader.take(4) >> 24
    sizes = reader.take(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    for _ in range(min(reader.take(2 if version < 2 else 4), MAX_ITEMS)):
        item = reader.take(2 if version < 2 else 4)
        method = reader.take(2) & 15 if version else 0
        reader.take(2)  # another file, which is never opened
        base = reader.take(base_size) + (idat if method == 1 else 0)
        extents = []
        for _ in range(reader.take(2)):
            reader.take(index_size)
            offset = base + reader.take(offset_size)
            length = reader.take(length_size)
            extents.append((offset, length or max(len(data) - offset, 0)))
        if method in {0, 1}:
            yield item, tuple(extents)


def _parts(data: bytes, iref: IsoBox) -> Iterator[tuple[int, tuple[int, ...]]]:
    number = ">I" if data[iref.body] else ">H"
    size = struct.calcsize(number)
    for box in boxes_in(data, iref.body + 4, iref.end):
        if box.kind != b"dimg":
            continue
        (item,) = struct.unpack_from(number, data, box.body)
        (count,) = struct.unpack_from(">H", data, box.body + size)
        layout = f">{min(count, MAX_TILES)}{number[1]}"
        yield item, struct.unpack_from(layout, data, box.body + size + 2)


def _properties(data: bytes, iprp: IsoBox) -> Iterator[tuple[int, tuple[Property, ...]]]:
    known: list[Property] = []
    for box in boxes_in(data, iprp.body, iprp.end):
        if box.kind == b"ipco":
            known = [
                Property(b.kind, data[b.body : b.end]) for b in boxes_in(data, box.body, box.end)
            ]
        elif box.kind == b"ipma":
            yield from _associations(_Reader(data, box.body, box.end), known)


def _associations(
    reader: _Reader, known: list[Property]
) -> Iterator[tuple[int, tuple[Property, ...]]]:
    head = reader.take(4)
    is_wide = head & 1
    for _ in range(min(reader.take(4), MAX_ITEMS)):
        item = reader.take(4 if head >> 24 else 2)
        numbers = [
            reader.take(2) & 0x7FFF if is_wide else reader.take(1) & 0x7F
            for _ in range(reader.take(1))
        ]
        yield item, tuple(known[number - 1] for number in numbers if 0 < number <= len(known))
