"""Transport streams of a few bytes: tables and packets as ISO/IEC 13818-1 lays them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

H264, MPEG2, MP2, AAC, PRIVATE = 0x1B, 0x02, 0x03, 0x0F, 0x06
PMT_PID = 0x1000


def association(programmes: Mapping[int, int]) -> bytes:
    """The packet with number of programme -> PID of its table."""
    body = b"".join(
        number.to_bytes(2, "big") + (0xE000 | pid).to_bytes(2, "big")
        for number, pid in programmes.items()
    )
    return _table(0, _section(0, 1, body))


def programme(
    number: int, streams: Sequence[tuple[int, int]], *, pid: int = PMT_PID, is_whole: bool = True
) -> bytes:
    """The packet with the streams of a programme: (PID, type) each."""
    body = b"\xe1\x00\xf0\x00" + b"".join(
        bytes((kind,)) + (0xE000 | stream).to_bytes(2, "big") + b"\xf0\x00"
        for stream, kind in streams
    )
    section = _section(2, number, body)
    return _table(pid, section if is_whole else section[:-1] + b"\0")


def media(pid: int, ticks: int = 0) -> bytes:
    """A packet in which a picture begins that is shown at a time of 1/90,000 s."""
    time = bytes(
        (
            0x21 | ticks >> 29 & 0xE,
            ticks >> 22 & 0xFF,
            ticks >> 14 & 0xFE | 1,
            ticks >> 7 & 0xFF,
            ticks << 1 & 0xFE | 1,
        )
    )
    return _packet(pid, b"\0\0\1\xe0\0\0\x80\x80\5" + time)


def pids(data: bytes, size: int = 188, first: int = 0) -> list[int]:
    """The PID of each packet."""
    return [
        int.from_bytes(data[at + 1 : at + 3], "big") % 8192 for at in range(first, len(data), size)
    ]


def _table(pid: int, section: bytes) -> bytes:
    return _packet(pid, b"\0" + section)


def _packet(pid: int, payload: bytes) -> bytes:
    return b"\x47" + (0x4000 | pid).to_bytes(2, "big") + b"\x10" + payload.ljust(184, b"\xff")


def _section(table: int, number: int, body: bytes) -> bytes:
    head = bytes((table,)) + (0xB000 | len(body) + 9).to_bytes(2, "big")
    section = head + number.to_bytes(2, "big") + b"\xc1\0\0" + body
    return section + _remainder(section).to_bytes(4, "big")


def _remainder(data: bytes) -> int:
    """CRC-32/MPEG-2 by long division of the bits."""
    polynomial = 0x104C11DB7
    bits = int.from_bytes(data, "big") << 32
    bits ^= 0xFFFFFFFF << len(data) * 8  # the register begins with ones
    for place in range(len(data) * 8 + 31, 31, -1):
        if bits >> place & 1:
            bits ^= polynomial << (place - 32)
    return bits
