"""Parse H.264 packets: random access points, and references that are missing."""

from __future__ import annotations

from common_ml.media.headers.h264 import (
    SPS,
    SequenceParameters,
    is_record,
    parameter_sets,
    read_sequence_parameters,
)
from common_ml.media.headers.nal import Bits, is_truncated, nal_units, payload

_SLICES = range(1, 6)
_IDR = 5
_SEI = 6
_RECOVERY_POINT = 6
_SLICE_HEAD_BYTES = 24
"""Bytes of a slice header that are read: enough for frame_num and all before it."""
_FRAME_NUM_BITS = range(4, 17)


class H264Reader:
    """Parse the packets of one stream, in file order."""

    def __init__(self, extradata: bytes | None) -> None:
        """Prepare.

        Args:
            extradata: The stream's avcC record, or its headers behind start codes.
        """
        extradata = extradata or b""
        is_avcc = is_record(extradata)
        self._length_size = (extradata[4] & 3) + 1 if is_avcc else 0
        self._sequence: SequenceParameters | None = None
        self._reference_number: int | None = None  # frame_num of the last reference picture
        # in a record the first one: pictures switch to others where they are stored again
        units = parameter_sets(extradata)[:1] if is_avcc else nal_units(memoryview(extradata), 0)
        for unit in units:
            if unit[0] & 0x1F == SPS:
                self._read_parameters(unit)
        self.is_random_access_point = False
        """The last packet is a random access point: all pictures shown after it decode exactly.

        That is so for an IDR picture, and for an intra picture with a recovery point at which all
        is recovered; not for gradual recovery (intra refresh), nor for intra
        pictures that later ones refer past, though containers mark them as keyframes, too."""
        self.needs_all = False
        """A picture that others refer to is missing before the last packet's: what a decoder puts
        in its place depends on all that it decoded before."""
        self.is_hidden = False
        """Always False: there are no such pictures."""
        self.is_truncated = False
        """The last packet is damaged."""

    def read(self, packet: memoryview) -> None:
        """Parse the next packet."""
        self.is_truncated = is_truncated(packet, self._length_size)
        recovers = False
        for unit in nal_units(packet, self._length_size):
            kind = unit[0] & 0x1F
            if kind in _SLICES:
                self.is_random_access_point = kind == _IDR or recovers
                self._check_number(unit)
                return
            if kind == SPS:
                self._read_parameters(unit)
            elif kind == _SEI:
                recovers = recovers or _recovers_at_once(payload(unit, len(unit))[1:])
        self.is_random_access_point = self.needs_all = False

    def _check_number(self, unit: memoryview) -> None:
        """Reference pictures are numbered without a gap, others like the reference to come."""
        if self._sequence is None:
            self.needs_all = True  # unknown without its parameter set
            return
        bits = Bits(payload(unit, _SLICE_HEAD_BYTES)[1:])
        for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
            bits.golomb()
        if self._sequence.has_colour_planes:
            bits.number(2)
        number = bits.number(self._sequence.frame_num_bits)
        before = self._reference_number
        expected = {before, ((before or 0) + 1) % (1 << self._sequence.frame_num_bits)}
        is_idr = unit[0] & 0x1F == _IDR
        self.needs_all = not is_idr and before is not None and number not in expected
        if unit[0] & 0x60:  # nal_ref_idc
            self._reference_number = number

    def _read_parameters(self, unit: memoryview) -> None:
        sequence = read_sequence_parameters(unit)
        self._sequence = sequence if sequence.frame_num_bits in _FRAME_NUM_BITS else None


def _recovers_at_once(sei: bytes) -> bool:
    """Whether an SEI message is a recovery point after 0 frames (Exp-Golomb: a first bit of 1)."""
    position = 0
    while position + 2 < len(sei):
        kind, position = _sei_number(sei, position)
        length, position = _sei_number(sei, position)
        if kind == _RECOVERY_POINT and position < len(sei):
            return bool(sei[position] & 0x80)
        position += length
    return False


def _sei_number(sei: bytes, position: int) -> tuple[int, int]:
    """Read a number in bytes of which all but the last are 255; return it and the next offset."""
    number = 0
    while position < len(sei) and sei[position] == 255:
        number += 255
        position += 1
    return number + (sei[position] if position < len(sei) else 0), position + 1
