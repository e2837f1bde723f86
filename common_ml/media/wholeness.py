"""Whether a file's end is missing, by what its own outermost structure says about its size."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

_TS_SYNC = 0x47
_TS_PACKET_SIZES = (188, 192, 204)
"""Bytes; plain, with time stamps of four bytes before (then sync stands at 4), with parity."""
_SEGMENT_ID = 0x18538067
"""Of Matroska's element that holds all the others but the header."""


def missing_end(path: str | os.PathLike[str], container: str) -> str:
    """Why the end of the file must be missing; empty if nothing tells so.

    Args:
        path: The file.
        container: FFmpeg's name of its format.
    """
    check = _CHECKS.get(container)
    if check is None:
        return ""
    size = os.stat(path).st_size  # noqa: PTH116 - any path-like, and no object per call
    with open(path, "rb") as file:  # noqa: PTH123 - as above
        return check(file, size)


def _cut_boxes(file: BinaryIO, size: int) -> str:
    """ISO base media: boxes of a stated size, one behind the other."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8 or not kind.isalnum():
            return ""  # to the end of the file, or padding
        position += length
    return _cut(position - size, f"its last part ({kind.decode('latin-1')})" if position else "")


def _cut_matroska(file: BinaryIO, size: int) -> str:
    """EBML: a header, then one segment that states its size unless it was a live recording."""
    position = 0
    while position + 12 <= size:
        file.seek(position)
        head = file.read(16)
        id_length = _vint_length(head[0])
        if id_length > 4:
            return ""
        size_length = _vint_length(head[id_length])
        if size_length > 8:
            return ""
        body = head[id_length : id_length + size_length]
        length = int.from_bytes(body, "big") & ((1 << 7 * size_length) - 1)
        if length == (1 << 7 * size_length) - 1:
            return ""
        position += id_length + size_length + length
        if int.from_bytes(head[:id_length], "big") == _SEGMENT_ID:
            return _cut(position - size, "its segment")
    return ""


def _cut_riff(file: BinaryIO, size: int) -> str:
    head = file.read(12)
    length = int.from_bytes(head[4:8], "little")
    # A recorder that never came to write the size leaves 0 or all ones there.
    if head[:4] != b"RIFF" or length in {0, 0xFFFFFFFF}:
        return ""
    return _cut(8 + length - size, "its first list" if head[8:12] == b"AVI " else "its sound")


def _cut_transport_stream(file: BinaryIO, size: int) -> str:
    """Packets of one size; the last one is whole unless something was cut off."""
    head = file.read(2048)
    for packet_size in _TS_PACKET_SIZES:
        offset = 4 if packet_size == 192 else 0
        if len(head) >= 5 * packet_size and all(
            head[n * packet_size + offset] == _TS_SYNC for n in range(5)
        ):
            missing = -size % packet_size
            return _cut(missing, "its last packet")
    return ""


def _vint_length(first_byte: int) -> int:
    """Length of a number of variable length by its first byte, which says it; 9 if none."""
    return 9 - first_byte.bit_length()


def _cut(num_bytes: int, what: str) -> str:
    return f"{num_bytes} bytes of {what} are missing" if num_bytes > 0 else ""


_CHECKS: dict[str, Callable[[BinaryIO, int], str]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _cut_boxes,
    "matroska,webm": _cut_matroska,
    "avi": _cut_riff,
    "wav": _cut_riff,
    "mpegts": _cut_transport_stream,
}
