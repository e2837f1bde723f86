"""Read the picture size in an AV1 sequence header (AV1 specification, 5.5)."""

from __future__ import annotations

_SEQUENCE_HEADER = 1
_MAX_UNITS = 100


def av1_size(payload: bytes) -> tuple[int, int] | None:
    """Return the largest width and height of all sequence headers; None without one.

    Args:
        payload: Consecutive open bitstream units (OBU), each with its size.
    """
    sizes: list[tuple[int, int]] = []
    position = 0
    for _ in range(_MAX_UNITS):
        if position + 2 > len(payload):
            break
        header = payload[position]
        position += 2 if header & 4 else 1
        if header & 2:
            size, position = _leb128(payload, position)
        else:
            size = len(payload) - position
        if header >> 3 & 15 == _SEQUENCE_HEADER:
            found = _sequence_size(payload[position : position + min(size, 256)])
            sizes += [found] if found else []
        position += size
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _leb128(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 56, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    return value, position


class _BitReader:
    def __init__(self, data: bytes) -> None:
        self._number, self._left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise IndexError
        self._left -= count
        return self._number >> self._left & ((1 << count) - 1)


def _sequence_size(data: bytes) -> tuple[int, int] | None:
    bits = _BitReader(data)
    try:
        bits.take(4)  # profile, still_picture
        if bits.take(1):  # reduced_still_picture_header
            bits.take(5)
        else:
            _skip_operating_points(bits)
        width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
        return bits.take(width_bits) + 1, bits.take(height_bits) + 1
    except IndexError:
        return None


def _skip_operating_points(bits: _BitReader) -> None:
    has_decoder_model, delay_bits = 0, 0
    if bits.take(1):  # timing_info_present_flag
        bits.take(64)
        if bits.take(1):  # equal_picture_interval
            _skip_uvlc(bits)
        has_decoder_model = bits.take(1)
        if has_decoder_model:
            delay_bits = bits.take(5) + 1
            bits.take(42)
    has_initial_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if has_decoder_model and bits.take(1):
            bits.take(2 * delay_bits + 1)
        if has_initial_delay and bits.take(1):
            bits.take(4)


def _skip_uvlc(bits: _BitReader) -> None:
    zeros = 0
    while not bits.take(1):
        zeros += 1
    if zeros < 32:
        bits.take(zeros)
