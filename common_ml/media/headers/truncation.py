"""Detect truncated files by the sizes stated in their boxes, chunks and elements."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from common_ml.media.headers.boxes import boxes_of_file

if TYPE_CHECKING:
    from collections.abc import Callable

_SEGMENT_ID = 0x18538067
"""Id of Matroska's Segment, which contains all but the header."""
_MEDIA_BOXES = frozenset({b"mdat", b"moov", b"moof"})
"""Known box kinds; bytes that a program left after the last box may look like another one."""
_MEDIA_CHUNKS = frozenset({b"data", b"movi"})
_PLACEHOLDERS = frozenset({0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF})
"""Placeholder sizes of recorders that cannot seek back to write the real one."""
_NEAR_PLACEHOLDERS = (range(0x7FFF0000, 0x80000100), range(0xFFFFF000, 0x100000000))
"""The same, with the size of headers added (0x7FFFF000 and some, by sox) or taken off."""
_MIN_LOSS_BYTES = 128
"""Tolerance in bytes: programs include headers in the size or not."""
_MAX_CHUNKS = 10_000


def truncation_reason(file: BinaryIO, container: str) -> str:
    """Return why the file is taken for truncated; empty if it is not.

    Args:
        file: Any file, open for reading.
        container: FFmpeg's name of its format.
    """
    check = _CHECKS.get(container)
    if check is None:
        return ""
    file.seek(0)
    return check(file, os.fstat(file.fileno()).st_size)


def _cut_boxes(file: BinaryIO, size: int) -> str:
    """ISO base media: consecutive boxes of a stated size."""
    for box in boxes_of_file(file, size):
        if box.kind in _MEDIA_BOXES and box.end > size:
            return _cut(box.end - size, f"its last part ({box.kind.decode()})", at_least=1)
    return ""


def _cut_matroska(file: BinaryIO, size: int) -> str:
    """EBML: a header, then one segment that states its size unless it was a live recording."""
    position = 0
    for _ in range(_MAX_CHUNKS):
        if position + 12 > size:
            break
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
            return _cut(position - size, "its segment", at_least=1)
    return ""


def _cut_riff(file: BinaryIO, size: int) -> str:
    """RIFF: the chunk that holds the media, WAV's `data` or the list `movi` of AVI."""
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:12] not in {b"WAVE", b"AVI "}:
        return ""
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 12 > size:
            break
        file.seek(position)
        head = file.read(12)
        kind, length = head[:4], int.from_bytes(head[4:8], "little")
        if kind == b"LIST":
            kind = head[8:12]
        if kind in _MEDIA_CHUNKS:
            if length in _PLACEHOLDERS or any(length in near for near in _NEAR_PLACEHOLDERS):
                return ""
            what = "its sound" if kind == b"data" else "its list of pictures and sound"
            return _cut(position + 8 + length - size, what, at_least=_MIN_LOSS_BYTES)
        position += 8 + length + length % 2
    return ""


def _vint_length(first_byte: int) -> int:
    """Return the length of a variable-length integer by its first byte; 9 if invalid."""
    return 9 - first_byte.bit_length()


def _cut(num_bytes: int, what: str, *, at_least: int) -> str:
    return f"{num_bytes} bytes of {what} are missing" if num_bytes >= at_least else ""


_CHECKS: dict[str, Callable[[BinaryIO, int], str]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _cut_boxes,
    "matroska,webm": _cut_matroska,
    "avi": _cut_riff,
    "wav": _cut_riff,
}
"""Transport streams state no size, and a partial packet at the end is not damage by itself."""
