"""Find the end of the last complete line of a file."""

from __future__ import annotations

import os
import stat

_CHUNK_BYTES = 1 << 16


def end_of_last_line(descriptor: int, end: int, *, start: int = 0) -> int:
    """Return the offset after the last newline in a range of a file, searched from its end.

    Args:
        descriptor: Descriptor of the file, open for reading.
        end: Offset after the range, in bytes.
        start: Offset of the range; returned where it has no newline.

    Raises:
        OSError: it cannot be read.
    """
    while end > start:
        first = max(start, end - _CHUNK_BYTES)
        newline = os.pread(descriptor, end - first, first).rfind(b"\n")
        if newline >= 0:
            return first + newline + 1
        end = first
    return start


def ends_in_torn_line(path: str) -> bool:
    """Return whether a regular file ends without a newline, as left by a killed writer.

    False also for an unreadable file, and for one that is not regular: reading a FIFO would
    consume data meant for its reader.

    Raises:
        OSError: the file does not exist.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return False
    try:
        size = os.fstat(descriptor).st_size
        return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    finally:
        os.close(descriptor)
