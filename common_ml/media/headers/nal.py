"""Split H.264 and HEVC packets into NAL units, and read the bits of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_CODE = b"\0\0\1"


def nal_units(packet: memoryview, length_size: int) -> Iterator[memoryview]:
    """Yield the NAL units of a packet; each may be followed by bytes of the next ones.

    Args:
        packet: What a decoder is fed with.
        length_size: Bytes of the length that stands before each unit; 0 for start codes.
    """
    if not length_size:
        data = bytes(packet)
        start = data.find(_START_CODE)
        while 0 <= start < len(data) - 3:
            # The end is not searched for: that would mean to scan every picture.
            yield memoryview(data)[start + 3 :]
            start = data.find(_START_CODE, start + 3)
        return
    position = 0
    while position + length_size < len(packet):
        length = int.from_bytes(packet[position : position + length_size], "big")
        position += length_size
        if length:
            yield packet[position : position + length]
        position += length


def is_truncated(packet: memoryview, length_size: int) -> bool:
    """Whether a unit claims more bytes than its packet has left; decoders reject these."""
    position = 0
    while length_size and position + length_size < len(packet):
        position += length_size + int.from_bytes(packet[position : position + length_size], "big")
    return position > len(packet)


def payload(unit: memoryview, limit: int) -> bytes:
    """Return at most `limit` bytes of a unit, up to the next start code, unescaped."""
    data, limit, size, end = b"", min(limit, len(unit)), 0, -1
    while end < 0 and size < limit:  # lazily: a packet may hold millions of short units
        size = min(max(4 * size, 256), limit)
        data = bytes(unit[:size])
        end = data.find(_START_CODE)
    return data[: end if end >= 0 else limit].replace(b"\0\0\3", b"\0\0")


class Bits:
    """Read numbers bit by bit; zeros follow the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    @property
    def is_exhausted(self) -> bool:
        """Whether more bits were read than there are."""
        return self._left < 0

    def number(self, num_bits: int) -> int:
        """Read an unsigned number of fixed length."""
        self._left -= num_bits
        if self._left < 0:
            return 0
        return self._value >> self._left & ((1 << num_bits) - 1)

    def golomb(self) -> int:
        """Read an unsigned Exp-Golomb number: n zeros, then the number plus 1 in n + 1 bits."""
        rest = self._value & ((1 << max(self._left, 0)) - 1)
        zeros = self._left - rest.bit_length()
        self._left -= max(zeros, 0)
        return self.number(zeros + 1) - 1

    def signed_golomb(self) -> int:
        """Read a signed Exp-Golomb number: 0, 1, -1, 2, -2 and so on."""
        number = self.golomb()
        return (number + 1) // 2 if number % 2 else -number // 2
