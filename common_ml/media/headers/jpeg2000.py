"""Read the size and depth of a JPEG 2000 codestream."""

from __future__ import annotations

import struct
from typing import NamedTuple

_START = b"\xff\x4f\xff\x51"
_SIZ, _SOT = 0x51, 0x90
_SYCC = (18).to_bytes(4, "big")
"""Enumerated colour space of ISO/IEC 15444-1, I.5.3.3."""
_MAX_MARKERS, _MAX_CODESTREAMS = 1000, 1000


class Jpeg2000Header(NamedTuple):
    """Content of the marker SIZ."""

    width: int
    height: int
    bits: int
    """Bits of the deepest component's samples."""


def jpeg2000_header(data: bytes) -> Jpeg2000Header | None:
    """Read the main headers; None without one.

    Boxes around it may differ, and a hostile file may hold several codestreams or several SIZ:
    decoders disagree on which one counts, so the largest is used.
    """
    found: list[Jpeg2000Header] = []
    position = -1
    for _ in range(_MAX_CODESTREAMS):
        position = data.find(_START, position + 1)
        if position < 0:
            return max(found, key=lambda header: header.width * header.height, default=None)
        found += _sizes(data, position + 2)
    return None  # no valid file has as many: any of them could be the picture's own


def has_palette_or_subsampling(data: bytes) -> bool:
    """Whether colours come from the box `pclr`, or some components have fewer samples."""
    start = data.find(_START)
    if start < 0:
        return False
    if b"pclr" in data[:start]:
        return True
    (num,) = struct.unpack_from(">H", data, start + 40) if len(data) > start + 42 else (0,)
    steps = data[start + 42 : start + 42 + 3 * num]
    return any(step > 1 for place, step in enumerate(steps) if place % 3)


def is_ycc(data: bytes) -> bool:
    """Whether a box `colr` says that the components are sYCC: luma and chroma, full range."""
    head = data[: max(data.find(_START), 0)]
    at = head.find(b"colr")
    return head[at + 4 : at + 5] == b"\1" and head[at + 7 : at + 11] == _SYCC if at >= 0 else False


def _sizes(data: bytes, position: int) -> list[Jpeg2000Header]:
    """Return all SIZ of one main header."""
    found: list[Jpeg2000Header] = []
    for _ in range(_MAX_MARKERS):
        if position + 4 > len(data) or data[position] != 0xFF or data[position + 1] == _SOT:
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        if data[position + 1] == _SIZ and position + 40 <= len(data):
            right, bottom, left, top = struct.unpack_from(">4I", data, position + 6)
            (num,) = struct.unpack_from(">H", data, position + 38)
            depths = data[position + 40 : position + 40 + 3 * num : 3]
            if length == 38 + 3 * num and depths:
                bits = max(depth & 0x7F for depth in depths) + 1
                found.append(Jpeg2000Header(max(right - left, 0), max(bottom - top, 0), bits))
        position += 2 + max(length, 2)
    return found
