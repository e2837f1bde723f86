"""Parse HTTP range requests (RFC 9110, 14.2)."""

from __future__ import annotations

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Range(NamedTuple):
    """A half-open range of bytes."""

    start: int
    end: int
    """Offset after the last byte."""


class UnsatisfiableRangeError(ValueError):
    """The range is outside of the file."""


def requested_range(header: str | None, size: int) -> Range | None:
    """Return the range that a header requests; None for the whole file.

    What is not one range of bytes counts as no range, as the standard allows.

    Args:
        header: Value of `Range`.
        size: Bytes of the file.

    Raises:
        UnsatisfiableRangeError: the file is shorter.
    """
    found = _RANGE.fullmatch((header or "").strip())
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:  # the last bytes
        length = min(int(found[2]), size)
        if length == 0:
            raise UnsatisfiableRangeError(f"the file has {size} bytes, got {header}")
        return Range(size - length, size)
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < start:
        return None
    if start >= size:
        raise UnsatisfiableRangeError(f"the file has {size} bytes, got {header}")
    return Range(start, end)
