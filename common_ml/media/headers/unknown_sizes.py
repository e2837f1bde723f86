"""Fill in sizes of AU, AIFF and W64 that a recorder to a pipe could not go back and write."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

PLACEHOLDERS = frozenset({0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF})
"""Sizes of recorders that cannot seek back to write the real one."""
_MAX_CHUNKS = 1000
_PCM = frozenset({b"NONE", b"twos", b"sowt", b"fl32", b"FL32", b"fl64", b"FL64", b"in24", b"in32"})
"""Kinds of AIFF-C of which each sample has the stated bits."""
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


def real_sizes(file: BinaryIO) -> dict[int, bytes]:
    """Return offset -> bytes that the file should have there; empty where its sizes are known.

    Args:
        file: Any file, open for reading.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(12)
    if head[:4] == b".snd":
        return {8: b"\xff" * 4} if head[8:12] == bytes(4) and size > 24 else {}
    if head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        return _aiff(file, size)
    return _w64(file, size) if head[:4] == b"riff" else {}


def _aiff(file: BinaryIO, size: int) -> dict[int, bytes]:
    """AIFF: the sizes of the form and of its sound, and the number of samples."""
    position, common = 12, (0, b"")
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(8)
        kind, length = head[:4], int.from_bytes(head[4:], "big")
        if len(head) < 8:
            break
        if kind == b"COMM":
            common = position + 8, file.read(22)
        if kind == b"SSND":
            if length not in PLACEHOLDERS or size < position + 16:
                break
            sizes = {4: size - 8, position + 4: size - position - 8}
            at, body = common
            frame = int.from_bytes(body[:2], "big") * ((int.from_bytes(body[6:8], "big") + 7) // 8)
            if frame and (body[18:22] in _PCM or _is_plain(file)):
                sizes[at + 2] = (size - position - 16) // frame
            return {at: min(n, 0xFFFFFFFF).to_bytes(4, "big") for at, n in sizes.items()}
        position += 8 + length + length % 2
    return {}


def _is_plain(file: BinaryIO) -> bool:
    file.seek(8)
    return file.read(4) == b"AIFF"


def _w64(file: BinaryIO, size: int) -> dict[int, bytes]:
    """W64: the sizes of the file and of its sound, each with its header of 24 bytes."""
    position = 40
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        head = file.read(24)
        length = int.from_bytes(head[16:], "little")
        if head[:16] == _W64_DATA:
            if 24 <= length < 1 << 62 and (length > 24 or size == position + 24):
                break
            sizes = {16: size, position + 16: size - position}
            return {at: number.to_bytes(8, "little") for at, number in sizes.items()}
        if len(head) < 24 or length < 24:
            break
        position += (length + 7) // 8 * 8
    return {}
