"""Walk the blocks of a GIF file."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXTENSION, _PICTURE = 0x21, 0x2C


def gif_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of the screen in pixels; None where the header is truncated."""
    return struct.unpack_from("<HH", data, 6) if len(data) >= 10 else None


def has_first_picture(data: bytes) -> bool:
    """Whether all blocks of the first picture exist, up to the empty one that ends them.

    The trailer, which ends the file, may be missing: some writers leave it out.
    """
    picture = next((at for at, kind in _blocks(data) if kind == _PICTURE), 0)
    if not picture or picture + 10 >= len(data):
        return False
    return _end_of_blocks(data, picture + 11 + _table_bytes(data[picture + 9])) > 0


def without_transparency(data: bytes) -> bytes:
    """Return the file with the colours of the first picture that are transparent shown as such."""
    for position, kind in _blocks(data):
        if kind == _PICTURE:
            break
        control = data[position + 1 : position + 3] == _CONTROL
        if control and position + 3 < len(data) and data[position + 3] & 1:
            opaque = bytes([data[position + 3] & ~1])
            data = data[: position + 3] + opaque + data[position + 4 :]
    return data


_CONTROL = b"\xf9\x04"
"""Label and size of the extension with the transparent colour."""


def _blocks(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield offset and kind of the extensions up to the first picture, then of the picture."""
    position = 13 + _table_bytes(data[10]) if len(data) > 13 else 0
    while 0 < position < len(data):
        kind = data[position]
        yield position, kind
        if kind != _EXTENSION:
            return
        position = _end_of_blocks(data, position + 2)


def _table_bytes(flags: int) -> int:
    """Return the size of the colour table that follows."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end_of_blocks(data: bytes, position: int) -> int:
    """Return the offset after the empty block that ends a sequence; 0 without one."""
    while position < len(data):
        if not data[position]:
            return position + 1
        position += 1 + data[position]
    return 0
