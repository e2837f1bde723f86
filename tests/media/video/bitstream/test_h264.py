"""Parse H.264 packets of untrusted and damaged streams."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from common_ml.media.headers.nal import nal_units, payload
from common_ml.media.video.bitstream.h264 import H264Reader

START = b"\0\0\1"


def sequence_parameters(log2_max_frame_num_minus4: int) -> bytes:
    """A unit of the baseline profile, up to that number."""
    code = f"{log2_max_frame_num_minus4 + 1:b}"
    bits = "01100111" + "01000010" + "0" * 16 + "1" + "0" * (len(code) - 1) + code
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def reader_with(log2_max_frame_num_minus4: int) -> H264Reader:
    return H264Reader(START + sequence_parameters(log2_max_frame_num_minus4))


SLICE = memoryview(START + b"\x21\xff\xff\xff")
"""Of a picture that others refer to, as all numbers 0."""


def test_numbers_of_a_known_length_are_followed() -> None:
    reader = reader_with(0)
    reader.read(SLICE)
    assert not reader.needs_all


def test_numbers_of_an_absurd_length_take_no_memory() -> None:
    """2 ** 31 bits would be 256 MB, again for each picture."""
    reader = reader_with(2**31 - 2)
    reader.read(SLICE)
    assert reader.needs_all


@given(
    st.lists(st.sampled_from([b"\0", b"\1", b"\3", b"x" * 100]), max_size=40), st.integers(1, 999)
)
def test_a_payload_ends_at_its_limit_or_the_next_start_code(parts: list[bytes], limit: int) -> None:
    data = b"\x67" + b"".join(parts)
    whole = data[:limit].split(START)[0].replace(b"\0\0\3", b"\0\0")
    assert payload(memoryview(data), limit) == whole


def test_of_many_short_units_only_their_own_bytes_are_copied() -> None:
    """Each unit's view reaches to the end of the packet: to copy them all would take minutes."""
    short = START + sequence_parameters(0)
    num_units = 100_000
    packet = memoryview(short * num_units)
    copied = [len(payload(unit, len(unit))) for unit in nal_units(packet, 0)]
    assert copied == [len(sequence_parameters(0))] * num_units
