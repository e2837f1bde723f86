"""Walk the boxes of ISO base media: MP4, MOV, HEIF, AVIF, JPEG 2000, JPEG XL."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

MAX_BOXES = 200_000
"""Maximum boxes visited per level: half a second. Files of padding could hold millions."""


class IsoBox(NamedTuple):
    """Location of a box: byte offsets from the beginning of the data."""

    kind: bytes
    """Four bytes, such as `moov`."""
    start: int
    """Offset of its header."""
    body: int
    """Offset of its content."""
    end: int
    """Offset after it, by its header: possibly beyond the end of the data."""


def boxes_of_file(file: BinaryIO, size: int) -> Iterator[IsoBox]:
    """Walk the outermost boxes of a file.

    Args:
        file: A seekable binary file.
        size: Its length in bytes.
    """

    def read(position: int, length: int) -> bytes:
        file.seek(position)
        return file.read(length)

    return _walk(read, 0, size)


def boxes_in(data: bytes, start: int = 0, end: int | None = None) -> Iterator[IsoBox]:
    """Walk consecutive boxes in `data[start:end]`.

    Args:
        data: The file, or as much of it as was read.
        start: Offset of the first box.
        end: Where the parent ends, in bytes; by default the end of `data`.
    """
    end = len(data) if end is None else min(end, len(data))
    return _walk(lambda position, length: data[position : position + length], start, end)


def _walk(read: Callable[[int, int], bytes], start: int, end: int) -> Iterator[IsoBox]:
    """Stop at the end, at an invalid size, and after `MAX_BOXES`."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        header = read(start, 16)
        length, body = int.from_bytes(header[:4], "big"), start + 8
        if length == 1:
            if start + 16 > end:  # cut in the middle of its long size
                return
            length, body = int.from_bytes(header[8:16], "big"), start + 16
        elif length == 0:
            length = end - start  # the last box reaches to the end
        if start + length < body:
            return
        yield IsoBox(header[4:8], start, body, start + length)
        start += length
