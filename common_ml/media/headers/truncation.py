"""Detect truncated files by the sizes stated in their boxes, chunks and elements."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from common_ml.media.headers.boxes import boxes_of_file
from common_ml.media.headers.unknown_sizes import PLACEHOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable

_SEGMENT_ID = 0x18538067
"""Id of Matroska's Segment, which contains all but the header."""
_MEDIA_BOXES = frozenset({b"mdat", b"moov", b"moof"})
"""Known box kinds; bytes that a program left after the last box may look like another one."""
_MEDIA_CHUNKS = frozenset({b"data", b"movi"})
_NEAR_PLACEHOLDERS = (range(0x7FFF0000, 0x80000100), range(0xFFFFF000, 0x100000000))
"""Placeholders with the size of headers added (0x7FFFF000 and some, by sox) or taken off."""
_AVI_PLACEHOLDER = 1 << 30
"""Pictures that FFmpeg states where it does not know how many there will be."""
_CHUNK_HEADER_BYTES = 8
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
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return check(file, size)


def states_length(file: BinaryIO, container: str, num_pictures: int) -> bool:
    """Whether a file states how long it is: not an AVI of a recorder that could not seek back.

    Args:
        file: Any file, open for reading.
        container: FFmpeg's name of its format.
        num_pictures: As the file states it.
    """
    if container != "avi":
        return True
    size = file.seek(0, os.SEEK_END)
    _, _, length = _media_chunk(file, size)
    is_possible = num_pictures < _AVI_PLACEHOLDER and num_pictures * _CHUNK_HEADER_BYTES <= size
    return is_possible or not _is_placeholder(length)


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
    kind, position, length = _media_chunk(file, size)
    if not kind or _is_placeholder(length):
        return ""
    what = "its sound" if kind == b"data" else "its list of pictures and sound"
    return _cut(position + 8 + length - size, what, at_least=_MIN_LOSS_BYTES)


def _media_chunk(file: BinaryIO, size: int) -> tuple[bytes, int, int]:
    """Return kind, offset and stated length of the chunk that holds the media; no kind: none."""
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:12] not in {b"WAVE", b"AVI "}:
        return b"", 0, 0
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
            return kind, position, length
        position += 8 + length + length % 2
    return b"", 0, 0


def _is_placeholder(length: int) -> bool:
    return length in PLACEHOLDERS or any(length in near for near in _NEAR_PLACEHOLDERS)


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
