"""The units that packets of H.264 and HEVC consist of, and the bits in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_CODE = b"\0\0\1"


def nal_units(packet: memoryview, length_size: int) -> Iterator[memoryview]:
    """The units of a packet; each may have bytes of the following ones behind it.

    Args:
        packet: What a decoder is fed with.
        length_size: Bytes of the length that stands before each unit; 0 for start codes.
    """
    if not length_size:
        data = bytes(packet)
        start = data.find(_START_CODE)
        while 0 <= start < len(data) - 3:
            # Where it ends is not looked for: that would mean to search through every picture.
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


def is_torn(packet: memoryview, length_size: int) -> bool:
    """Whether a unit claims to be longer than what is left of its packet; decoders refuse these."""
    position = 0
    while length_size and position + length_size < len(packet):
        position += length_size + int.from_bytes(packet[position : position + length_size], "big")
    return position > len(packet)


def payload(unit: memoryview, limit: int) -> bytes:
    """At most `limit` bytes of a unit, up to the next start code, without emulation prevention."""
    data, limit, size, end = b"", min(limit, len(unit)), 0, -1
    while end < 0 and size < limit:  # by and by: a packet may be millions of short units
        size = min(max(4 * size, 256), limit)
        data = bytes(unit[:size])
        end = data.find(_START_CODE)
    return data[: end if end >= 0 else limit].replace(b"\0\0\3", b"\0\0")


class Bits:
    """Reads numbers bit by bit; zeros follow the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def number(self, num_bits: int) -> int:
        """An unsigned number of fixed length."""
        self._left -= num_bits
        if self._left < 0:
            return 0
        return self._value >> self._left & ((1 << num_bits) - 1)

    def golomb(self) -> int:
        """An unsigned number in Exp-Golomb code: n zeros, and n + 1 bits of the number plus 1."""
        rest = self._value & ((1 << max(self._left, 0)) - 1)
        zeros = self._left - rest.bit_length()
        self._left -= max(zeros, 0)
        return self.number(zeros + 1) - 1

    def signed_golomb(self) -> int:
        """A signed number in Exp-Golomb code: 0, 1, -1, 2, -2 and so on."""
        number = self.golomb()
        return (number + 1) // 2 if number % 2 else -number // 2
