"""Read the chunks of a PNG file."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from common_ml.media.headers.exif import exif_orientation

if TYPE_CHECKING:
    from collections.abc import Iterator

END_CHUNK = b"\0\0\0\0IEND\xae\x42\x60\x82"
_MAX_CHUNKS = 1_000_000
_STEP_BYTES = 1 << 20


def png_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels; None where the header is truncated."""
    return struct.unpack_from(">II", data, 16) if len(data) >= 24 else None


def png_orientation(data: bytes) -> int:
    """Return EXIF's Orientation, 1 to 8."""
    for name, start, end in _chunks(data):
        if name == b"eXIf":
            return exif_orientation(data[start:end])
    return 1


def png_colours(data: bytes) -> tuple[int, int] | None:
    """Return transfer and primaries (ITU-T H.273) of the chunk cICP; None where there is none."""
    for name, start, end in _chunks(data):
        if name == b"cICP" and end - start == 4:
            return data[start + 1], data[start]
        if name == b"IDAT":
            break
    return None


def with_end(data: bytes) -> bytes:
    """Append the last chunk, IEND, where it is missing; other missing data is not added."""
    end = 8
    for name, _, end_of_body in _chunks(data):
        if name == b"IEND":
            return data
        end = end_of_body + 4  # its checksum
    return data[:end] + END_CHUNK if end <= len(data) else data


def with_checksums(data: bytes) -> bytes | None:
    """Rewrite the checksums of chunks of pixels, where the pixels are whole by their own checksum.

    Returns:
        None where they are not (zlib, Adler-32), or where the header or the palette, which have no
        other checksum, may be damaged.
    """
    size = png_size(data)
    if size is None or not _has_whole_pixels(data, max_bytes=2 * size[1] * (8 * size[0] + 8)):
        return None
    parts, end = [data[:8]], 8
    for name, start, end_of_body in _chunks(data):
        end = end_of_body + 4
        checksum = struct.pack(">I", zlib.crc32(data[start - 4 : end_of_body]))
        if name in (b"IHDR", b"PLTE") and data[end_of_body:end] != checksum:
            return None
        parts += [data[start - 8 : end_of_body], checksum]
        if name == b"IEND":
            break
    return b"".join([*parts, data[end:]])


def _has_whole_pixels(data: bytes, *, max_bytes: int) -> bool:
    """Whether the compressed pixels end with the right checksum, and are no more than expected."""
    stream = zlib.decompressobj()
    try:
        for name, start, end in _chunks(data):
            waiting = data[start:end] if name == b"IDAT" else b""
            while waiting and not stream.eof:
                max_bytes -= len(stream.decompress(waiting, _STEP_BYTES))
                waiting = stream.unconsumed_tail
                if max_bytes < 0:
                    return False
    except zlib.error:
        return False
    return stream.eof


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the body of each chunk."""
    position = 8
    for _ in range(_MAX_CHUNKS):
        if position + 12 > len(data):
            return
        (length,) = struct.unpack_from(">I", data, position)
        yield data[position + 4 : position + 8], position + 8, position + 8 + length
        position += 12 + length
