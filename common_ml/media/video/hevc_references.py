"""Find the packets that HEVC pictures depend on, so that all others can be skipped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.media.headers.nal import nal_units
from common_ml.media.video.bitstream.errors import UnsupportedHeaderError
from common_ml.media.video.bitstream.hevc_headers import (
    PictureParameters,
    SequenceParameters,
    SliceHeader,
    read_picture_parameters,
    read_sequence_parameters,
    read_slice_header,
)
from common_ml.media.video.needed_packets import NeededPackets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SPS, _PPS = 33, 34
_SLICES = range(32)
_MAX_PASSES = 64


def needed_packets(
    extradata: bytes | None, packets: Sequence[memoryview], wanted: Iterable[int]
) -> NeededPackets | None:
    """Return the HEVC packets to decode so that the wanted ones are exact.

    Each slice header lists by picture order count what its picture may refer to, whatever else was
    decoded: so the wanted pictures need their references, direct and indirect. For each one that is
    listed without being referred to, and missing, the decoder makes a grey picture, and it marks
    the current one as damaged. It derives the counts from those of
    pictures before, so one of these is kept where too many would be left out.

    Args:
        extradata: The stream's hvcC record, or headers behind start codes.
        packets: All packets from a random access point on, one picture each.
        wanted: Places of packets.

    Returns:
        None where the headers are not supported.
    """
    try:
        pictures = list(_pictures(extradata, packets))
        orders = _orders(pictures, range(len(pictures)))
        exact = _closure(pictures, orders, {0, *wanted})
        kept = _anchors(pictures, orders, exact)
    except UnsupportedHeaderError:
        return None
    decoded = exact | kept
    num_saved = sum(
        one.first.is_reference and place not in decoded for place, one in enumerate(pictures)
    )
    return NeededPackets(frozenset(exact), frozenset(kept), num_saved, frozenset(exact))


@dataclass(frozen=True)
class _Picture:
    first: SliceHeader
    differences: frozenset[int]
    """Of all its slices."""


def _pictures(extradata: bytes | None, packets: Sequence[memoryview]) -> Iterator[_Picture]:
    extradata = extradata or b""
    is_record = len(extradata) > 22 and extradata[:3] not in {b"\0\0\0", b"\0\0\1"}
    length_size = (extradata[21] & 3) + 1 if is_record else 0
    sequences: dict[int, SequenceParameters] = {}
    parameters: dict[int, PictureParameters] = {}

    def keep(unit: memoryview) -> None:
        kind = unit[0] >> 1 & 0x3F
        if kind == _SPS:
            number, sequence = read_sequence_parameters(unit)
            sequences[number] = sequence
        elif kind == _PPS:
            number, picture = read_picture_parameters(unit)
            parameters[number] = picture

    units = _record_units(extradata) if is_record else nal_units(memoryview(extradata), 0)
    for unit in units:
        if _is_of_base_layer(unit):
            keep(unit)
    for packet in packets:
        slices: list[SliceHeader] = []
        for unit in nal_units(packet, length_size):
            if not _is_of_base_layer(unit):
                continue
            if unit[0] >> 1 & 0x3F in _SLICES:
                header = read_slice_header(unit, sequences, parameters)
                slices += [header] if header else []
            else:
                keep(unit)
        if not slices or len({one.order_lsb for one in slices}) != 1:
            raise UnsupportedHeaderError("several pictures in a packet, or none")
        yield _Picture(slices[0], frozenset().union(*(one.differences for one in slices)))


def _is_of_base_layer(unit: memoryview) -> bool:
    return len(unit) > 2 and not unit[0] & 1 and not unit[1] & 0xF8


def _record_units(record: bytes) -> Iterator[memoryview]:
    """ISO/IEC 14496-15, 8.3.3.1: the parameter sets of an hvcC record."""
    view, position = memoryview(record), 23
    for _ in range(record[22]):
        count = int.from_bytes(record[position + 1 : position + 3], "big")
        position += 3
        for _ in range(count):
            if position + 2 > len(record):
                return  # a damaged record may count millions
            length = int.from_bytes(record[position : position + 2], "big")
            yield view[position + 2 : position + 2 + length]
            position += 2 + length


def _orders(pictures: Sequence[_Picture], decoded: Iterable[int]) -> dict[int, int]:
    """8.3.1: picture order counts, as a decoder derives them that gets some of the pictures."""
    orders: dict[int, int] = {}
    before = 0
    for place in decoded:
        header = pictures[place].first
        order = 0 if header.is_idr else _order(header, before)
        if place == 0 and not header.is_idr:
            order = header.order_lsb  # the first picture: no higher bits
        orders[place] = order
        if header.keeps_count:
            before = order
    return orders


def _order(header: SliceHeader, before: int) -> int:
    wrap = 1 << header.order_lsb_bits
    lsb = before % wrap
    msb = before - lsb
    if header.order_lsb < lsb and lsb - header.order_lsb >= wrap // 2:
        msb += wrap
    elif header.order_lsb > lsb and header.order_lsb - lsb > wrap // 2:
        msb -= wrap
    return msb + header.order_lsb


def _closure(pictures: Sequence[_Picture], orders: dict[int, int], wanted: set[int]) -> set[int]:
    """Return these and their references, direct and indirect: always earlier packets."""
    references: list[list[int]] = []
    place_of: dict[int, int] = {}
    for place, picture in enumerate(pictures):
        if picture.first.is_idr:
            place_of.clear()
        found = [place_of.get(orders[place] + step) for step in picture.differences]
        references.append([one for one in found if one is not None])
        if len(references[-1]) < len(found) and place:
            raise UnsupportedHeaderError("a reference that is not there")
        place_of[orders[place]] = place
    needed = set(wanted)
    for place in range(max(needed), 0, -1):
        if place in needed:
            needed.update(references[place])
    return needed


def _anchors(pictures: Sequence[_Picture], orders: dict[int, int], exact: set[int]) -> set[int]:
    """Return further pictures without which a decoder would derive other counts."""
    kept: set[int] = set()
    for _ in range(_MAX_PASSES):
        decoded = sorted(exact | kept)
        derived = _orders(pictures, decoded)
        wrong = next((place for place in decoded if derived[place] != orders[place]), None)
        if wrong is None:
            return kept
        left_out = [
            place
            for place in range(wrong)
            if place not in exact and place not in kept and pictures[place].first.keeps_count
        ]
        if not left_out:
            break
        kept.add(left_out[-1])
    raise UnsupportedHeaderError("picture order counts")
