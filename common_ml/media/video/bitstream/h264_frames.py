"""Parse each packet of an H.264 stream to the header of its frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.media.headers.h264 import (
    SPS,
    SequenceParameters,
    is_record,
    parameter_sets,
    read_sequence_parameters,
)
from common_ml.media.headers.nal import nal_units
from common_ml.media.video.bitstream.errors import UnsupportedHeaderError
from common_ml.media.video.bitstream.h264_headers import (
    BOTH_FIELDS,
    BOTTOM_FIELD,
    TOP_FIELD,
    PictureParameters,
    SliceHeader,
    read_picture_parameters,
    read_slice_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_SLICE, _IDR_SLICE, _PPS = 1, 5, 8
_PARTITIONS = range(2, 5)
_WHOLE_FRAMES = ({BOTH_FIELDS}, {TOP_FIELD, BOTTOM_FIELD})


@dataclass(frozen=True)
class PictureHeader:
    """The header of a frame, or of one field, from all its slices."""

    slices: tuple[SliceHeader, ...]
    sequence: SequenceParameters

    @property
    def first(self) -> SliceHeader:
        """The first slice: number, order and marking are the same in each."""
        return self.slices[0]


@dataclass(frozen=True)
class FrameHeader:
    """The header of one frame: of the frame itself, or of its two fields in order of decoding."""

    pictures: tuple[PictureHeader, ...]

    @property
    def first(self) -> SliceHeader:
        """The first slice; both fields are references, or neither is."""
        return self.pictures[0].first

    @property
    def sequence(self) -> SequenceParameters:
        """Its sequence parameter set."""
        return self.pictures[0].sequence

    @property
    def has_intra_slices(self) -> bool:
        """Whether a decoder that skips all but intra slices decodes part of the picture."""
        return any(one.is_intra for picture in self.pictures for one in picture.slices)

    @property
    def may_refer_both_ways(self) -> bool:
        """Whether there are B slices."""
        return any(
            len(one.modifications) == 2 for picture in self.pictures for one in picture.slices
        )


class FrameHeaderReader:
    """Parse the packets of one stream, in file order."""

    def __init__(self, extradata: bytes | None) -> None:
        """Prepare.

        Args:
            extradata: The stream's avcC record, or its headers behind start codes.
        """
        extradata = extradata or b""
        self._length_size = (extradata[4] & 3) + 1 if is_record(extradata) else 0
        self._sequences: dict[int, SequenceParameters] = {}
        self._pictures: dict[int, PictureParameters] = {}
        self._read_parameters(
            parameter_sets(extradata)
            if is_record(extradata)
            else nal_units(memoryview(extradata), 0)
        )

    def read(self, packet: memoryview) -> FrameHeader | None:
        """Parse the header of the next packet's frame; None where it is not supported.

        That is so for a field without the other one, for several frames in one packet, and for
        damaged headers.
        """
        slices: dict[int, list[SliceHeader]] = {}  # by field, in order of decoding
        sequence: SequenceParameters | None = None
        try:
            for unit in nal_units(packet, self._length_size):
                kind = unit[0] & 0x1F
                if kind in {_SLICE, _IDR_SLICE}:
                    header, sequence = read_slice_header(unit, self._sequences, self._pictures)
                    slices.setdefault(header.fields, []).append(header)
                elif kind in _PARTITIONS:
                    return None
                elif kind in {SPS, _PPS}:
                    self._read_parameters([unit])
        except UnsupportedHeaderError:
            return None
        if sequence is None or set(slices) not in _WHOLE_FRAMES:
            return None
        marks = [
            {(one.is_reference, one.frame_num, one.order_lsb, one.marking) for one in of_field}
            for of_field in slices.values()
        ]
        frames = {(one[0], one[1]) for of_field in marks for one in of_field}
        if max(map(len, marks)) > 1 or len(frames) > 1:
            return None
        if any(one.is_idr for of_field in list(slices.values())[1:] for one in of_field):
            return None
        return FrameHeader(
            tuple(PictureHeader(tuple(of_field), sequence) for of_field in slices.values())
        )

    def _read_parameters(self, units: Iterable[memoryview]) -> None:
        """Store the parameter sets; discard all of them after one that is not supported."""
        try:
            for unit in units:
                if unit[0] & 0x1F == SPS:
                    sequence = read_sequence_parameters(unit)
                    self._sequences[sequence.number] = sequence
                elif unit[0] & 0x1F == _PPS:
                    number, picture = read_picture_parameters(unit)
                    self._pictures[number] = picture
        except UnsupportedHeaderError:
            self._sequences.clear()
            self._pictures.clear()
