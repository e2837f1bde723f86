"""Parse the sequence parameter sets of H.264: numbering, size and delay of the pictures.

Source: ITU-T H.264 (08/2021), 7.3.2.1.1, E.1.1 and E.1.2; ISO/IEC 14496-15, 5.3.3.1 (avcC).
"""

from __future__ import annotations

from dataclasses import dataclass

from common_ml.media.headers.nal import Bits, payload

SPS = 7
_HAS_CHROMA_FORMAT = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""profile_idc values whose parameter sets have the chroma format and scaling lists in them."""
_MAX_BITS = 16
_ANY_ASPECT_RATIO = 255
_MAX_ORDER_OFFSETS = 255
_MAX_CPBS = 32


@dataclass(frozen=True)
class SequenceParameters:
    """A sequence parameter set; a field behind the end of a damaged one is 0."""

    number: int
    """seq_parameter_set_id."""
    chroma_array_type: int
    has_colour_planes: bool
    frame_num_bits: int
    """4..16; anything else in a damaged one."""
    order_type: int
    """pic_order_cnt_type."""
    order_lsb_bits: int
    """Of pic_order_cnt_lsb; 0 unless order_type is 0."""
    max_num_references: int
    frames_only: bool
    width: int
    """Pixels as shown: cropped."""
    height: int
    """Pixels as shown: cropped."""
    num_reordered: int | None
    """Frames that may precede another one in decoding and follow it in output; None if unstated."""
    is_whole: bool
    """Whether everything up to the size is there, and in its range."""


def read_sequence_parameters(unit: memoryview) -> SequenceParameters:
    """Parse a sequence parameter set, as far as it goes.

    Args:
        unit: The NAL unit, with its one-byte header.
    """
    bits = Bits(payload(unit, len(unit))[1:])
    profile = bits.number(8)
    bits.number(16)  # constraints and level
    number = bits.golomb()
    chroma_format, has_colour_planes = 1, False
    if profile in _HAS_CHROMA_FORMAT:
        chroma_format = bits.golomb()
        if chroma_format == 3:
            has_colour_planes = bool(bits.number(1))
        for _ in ("bit_depth_luma", "bit_depth_chroma"):
            bits.golomb()
        bits.number(1)  # lossless bypass
        if bits.number(1):
            _skip_scaling_lists(bits, 12 if chroma_format == 3 else 8)
    frame_num_bits = bits.golomb() + 4
    order_type = bits.golomb()
    order_lsb_bits = _order_lsb_bits(bits, order_type)
    max_num_references = bits.golomb()
    bits.number(1)  # gaps_in_frame_num_value_allowed: gaps are detected where they occur
    chroma_array_type = 0 if has_colour_planes else chroma_format
    width, height, frames_only = _size(bits, chroma_array_type)
    is_whole = (
        not bits.is_exhausted
        and max(frame_num_bits, order_lsb_bits) <= _MAX_BITS
        and order_type <= 2
        and chroma_format <= 3
    )
    return SequenceParameters(
        number=number,
        chroma_array_type=chroma_array_type,
        has_colour_planes=has_colour_planes,
        frame_num_bits=frame_num_bits,
        order_type=order_type,
        order_lsb_bits=order_lsb_bits,
        max_num_references=max_num_references,
        frames_only=frames_only,
        width=width,
        height=height,
        num_reordered=_num_reordered(bits) if is_whole else None,
        is_whole=is_whole,
    )


def parameter_sets(record: bytes) -> list[memoryview]:
    """Return the parameter sets of an avcC record."""
    view, units = memoryview(record), []
    position = 5
    for mask in (0x1F, 0xFF):
        count = record[position] & mask if position < len(record) else 0
        position += 1
        for _ in range(count):
            length = int.from_bytes(record[position : position + 2], "big")
            unit = view[position + 2 : position + 2 + length]
            if len(unit):
                units.append(unit)
            position += 2 + length
    return units


def is_record(extradata: bytes) -> bool:
    """Whether headers are an avcC record, and not units behind start codes."""
    return extradata[:1] == b"\1" and len(extradata) > 6


def _order_lsb_bits(bits: Bits, order_type: int) -> int:
    if order_type == 0:
        return bits.golomb() + 4
    if order_type == 1:
        bits.number(1)  # delta_pic_order_always_zero
        for _ in ("offset_for_non_ref_pic", "offset_for_top_to_bottom_field"):
            bits.golomb()
        for _ in range(min(bits.golomb(), _MAX_ORDER_OFFSETS)):
            bits.golomb()
    return 0


def _size(bits: Bits, chroma_array_type: int) -> tuple[int, int, bool]:
    """Return width, height, and whether there are only frames."""
    width = 16 * (bits.golomb() + 1)
    rows = bits.golomb() + 1
    frames_only = bool(bits.number(1))
    height = 16 * rows * (1 if frames_only else 2)
    if not frames_only:
        bits.number(1)  # mb_adaptive_frame_field
    bits.number(1)  # direct_8x8_inference
    if bits.number(1):
        left, right, top, bottom = (bits.golomb() for _ in range(4))
        across = 2 if chroma_array_type in {1, 2} else 1
        down = (2 if chroma_array_type == 1 else 1) * (1 if frames_only else 2)
        width, height = width - across * (left + right), height - down * (top + bottom)
    return width, height, frames_only


def _num_reordered(bits: Bits) -> int | None:
    """E.1.1: max_num_reorder_frames, at the end of the usability information."""
    if not bits.number(1):
        return None
    if bits.number(1) and bits.number(8) == _ANY_ASPECT_RATIO:
        bits.number(32)
    if bits.number(1):
        bits.number(1)  # overscan_appropriate
    if bits.number(1):
        bits.number(4)  # video_format, full range
        if bits.number(1):
            bits.number(24)  # primaries, transfer, matrix
    if bits.number(1):
        for _ in ("top", "bottom"):
            bits.golomb()  # chroma_sample_loc_type
    if bits.number(1):
        bits.number(65)  # units in a tick, ticks in a second, fixed rate
    has_hrd = [_skip_hrd(bits) for _ in ("nal", "vcl")]
    if any(has_hrd):
        bits.number(1)  # low_delay_hrd
    bits.number(1)  # pic_struct_present
    if not bits.number(1):
        return None
    bits.number(1)  # motion_vectors_over_pic_boundaries
    for _ in ("bytes per picture", "bits per macroblock", "length across", "length down"):
        bits.golomb()
    num_reordered = bits.golomb()
    return None if bits.is_exhausted else num_reordered


def _skip_hrd(bits: Bits) -> bool:
    """E.1.2: hrd_parameters, if they are present."""
    if not bits.number(1):
        return False
    count = min(bits.golomb() + 1, _MAX_CPBS)
    bits.number(8)  # scales
    for _ in range(count):
        for _ in ("bit_rate", "cpb_size"):
            bits.golomb()
        bits.number(1)
    bits.number(20)  # lengths
    return True


def _skip_scaling_lists(bits: Bits, num_lists: int) -> None:
    """7.3.2.1.1.1: six lists of 16, the others of 64 numbers, as differences."""
    for place in range(num_lists):
        if not bits.number(1):
            continue
        last = following = 8
        for _ in range(16 if place < 6 else 64):
            if following:
                following = (last + bits.signed_golomb()) % 256
            last = following or last
