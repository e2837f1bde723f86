"""Write a TIFF file again with another directory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from common_ml.media.headers import tiff

if TYPE_CHECKING:
    from typing import TypeAlias

    Overrides: TypeAlias = dict[int, tuple[int, ...] | None]
    """Number of a tag -> its values, or None to leave it out."""


def rewritten(data: bytes, page: tiff.Directory, changes: Overrides) -> bytes:
    """Append a directory with the page as the only one to the file.

    Args:
        data: The file.
        page: Its directory.
        changes: Number of a tag -> its values, or None to leave it out. Values are written as
            32 bits, or 64 in BigTIFF.
    """
    number = "Q" if page.is_big else "I"
    inline = 8 if page.is_big else 4
    entries: list[tuple[int, int, int, bytes]] = []
    for tag_number, tag in page.tags.items():
        if tag_number not in changes:
            size = tiff.size_of(tag.kind) * tag.count
            if tag.at + size <= len(data):
                entries.append((tag_number, tag.kind, tag.count, data[tag.at : tag.at + size]))
    for tag_number, values in changes.items():
        if values:
            kind = _SHORT if max(values) < 1 << 16 else 16 if page.is_big else 4
            layout = {_SHORT: "H", 4: "I", 16: "Q"}[kind]
            packed = struct.pack(f"{page.order}{len(values)}{layout}", *values)
            entries.append((tag_number, kind, len(values), packed))
    start = len(data) + len(data) % 2
    count = struct.pack(f"{page.order}{'Q' if page.is_big else 'H'}", len(entries))
    table, heap = [], b""
    heap_at = start + len(count) + len(entries) * (20 if page.is_big else 12) + inline
    for tag_number, kind, length, value in sorted(entries):
        if len(value) > inline:
            place = struct.pack(f"{page.order}{number}", heap_at + len(heap))
            heap += value + b"\0" * (len(value) % 2)
        else:
            place = value.ljust(inline, b"\0")
        table.append(struct.pack(f"{page.order}HH{number}", tag_number, kind, length) + place)
    header = struct.pack(f"{page.order}{number}", start)
    at = 8 if page.is_big else 4
    head = data[:at] + header + data[at + inline :] + b"\0" * (len(data) % 2)
    return b"".join([head, count, *table, bytes(inline), heap])


_SHORT = 3
