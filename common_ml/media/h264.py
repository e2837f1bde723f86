"""What H.264 packets say about themselves: where decoding can begin, what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from common_ml.media.nal import Bits, is_torn, nal_units, payload

_SLICES = range(1, 6)
_IDR = 5
_SEI = 6
_SPS = 7
_RECOVERY_POINT = 6
_HAS_CHROMA_FORMAT = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""profile_idc values whose parameter sets have the chroma format and scaling lists in them."""
_SLICE_HEAD_BYTES = 24
"""More than enough for the numbers before frame_num, and frame_num."""
_FRAME_NUM_BITS = range(4, 17)


@dataclass(frozen=True)
class _Numbering:
    """How pictures are numbered, by a sequence parameter set."""

    frame_num_bits: int
    has_colour_planes: bool


class H264Reader:
    """Reads the packets of one stream, in the order of the file."""

    def __init__(self, extradata: bytes | None) -> None:
        """Prepare.

        Args:
            extradata: The stream's avcC record, or its headers behind start codes.
        """
        extradata = extradata or b""
        is_record = extradata[:1] == b"\1" and len(extradata) > 6
        self._length_size = (extradata[4] & 3) + 1 if is_record else 0
        self._numbering: _Numbering | None = None
        self._reference_number: int | None = None  # frame_num of the last reference picture
        if is_record:
            self._read_parameters(
                memoryview(extradata)[8 : 8 + int.from_bytes(extradata[6:8], "big")]
            )
        else:
            for unit in nal_units(memoryview(extradata), 0):
                if unit[0] & 0x1F == _SPS:
                    self._read_parameters(unit)
        self.begins_anew = False
        """All pictures shown after the last packet's can be decoded, exactly, from it on.

        That is so for an IDR picture, and for an intra picture with a recovery point at which all
        is recovered; not where a decoder only recovers step by step (intra refresh), or for intra
        pictures that later ones look past, though containers call them keyframes, too."""
        self.needs_all = False
        """A picture that others refer to is missing before the last packet's: what a decoder puts
        in its place depends on all that it decoded before."""
        self.is_hidden = False
        """Always False: there are no such pictures."""
        self.is_torn = False
        """The last packet is damaged."""

    def read(self, packet: memoryview) -> None:
        """Look at the next packet."""
        self.is_torn = is_torn(packet, self._length_size)
        recovers = False
        for unit in nal_units(packet, self._length_size):
            kind = unit[0] & 0x1F
            if kind in _SLICES:
                self.begins_anew = kind == _IDR or recovers
                self._check_number(unit)
                return
            if kind == _SPS:
                self._read_parameters(unit)
            elif kind == _SEI:
                recovers = recovers or _recovers_at_once(payload(unit, len(unit))[1:])
        self.begins_anew = self.needs_all = False

    def _check_number(self, unit: memoryview) -> None:
        """Reference pictures are numbered without a gap, others like the reference to come."""
        if self._numbering is None:
            self.needs_all = True  # nobody can tell
            return
        bits = Bits(payload(unit, _SLICE_HEAD_BYTES)[1:])
        for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
            bits.golomb()
        if self._numbering.has_colour_planes:
            bits.number(2)
        number = bits.number(self._numbering.frame_num_bits)
        before = self._reference_number
        expected = {before, ((before or 0) + 1) % (1 << self._numbering.frame_num_bits)}
        is_idr = unit[0] & 0x1F == _IDR
        self.needs_all = not is_idr and before is not None and number not in expected
        if unit[0] & 0x60:  # nal_ref_idc
            self._reference_number = number

    def _read_parameters(self, unit: memoryview) -> None:
        """ITU-T H.264, 7.3.2.1.1, up to log2_max_frame_num_minus4."""
        bits = Bits(payload(unit, len(unit))[1:])
        profile = bits.number(8)
        bits.number(16)  # constraints and level
        bits.golomb()  # seq_parameter_set_id
        has_colour_planes = False
        if profile in _HAS_CHROMA_FORMAT:
            num_lists = 8
            if bits.golomb() == 3:  # chroma_format_idc: 4:4:4
                has_colour_planes = bool(bits.number(1))
                num_lists = 12
            for _ in ("bit_depth_luma", "bit_depth_chroma"):
                bits.golomb()
            bits.number(1)  # lossless bypass
            if bits.number(1):
                _skip_scaling_lists(bits, num_lists)
        num_bits = bits.golomb() + 4  # of a damaged file up to 2 ** 31
        is_known = num_bits in _FRAME_NUM_BITS
        self._numbering = _Numbering(num_bits, has_colour_planes) if is_known else None


def _skip_scaling_lists(bits: Bits, num_lists: int) -> None:
    """ITU-T H.264, 7.3.2.1.1.1: six lists of 16, the others of 64 numbers, as differences."""
    for place in range(num_lists):
        if not bits.number(1):
            continue
        last = following = 8
        for _ in range(16 if place < 6 else 64):
            if following:
                following = (last + bits.signed_golomb()) % 256
            last = following or last


def _recovers_at_once(sei: bytes) -> bool:
    """Whether a message says: recovery point, after 0 frames (Exp-Golomb: a first bit of 1)."""
    position = 0
    while position + 2 < len(sei):
        kind, position = _sei_number(sei, position)
        length, position = _sei_number(sei, position)
        if kind == _RECOVERY_POINT and position < len(sei):
            return bool(sei[position] & 0x80)
        position += length
    return False


def _sei_number(sei: bytes, position: int) -> tuple[int, int]:
    """A number in bytes of which all but the last are 255, and the place after it."""
    number = 0
    while position < len(sei) and sei[position] == 255:
        number += 255
        position += 1
    return number + (sei[position] if position < len(sei) else 0), position + 1
