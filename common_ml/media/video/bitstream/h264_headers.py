"""Parse H.264 picture parameter sets and slice headers, as far as reference pictures need it.

Source: ITU-T H.264 (08/2021), 7.3.2.2 and 7.3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.media.headers.nal import Bits, payload
from common_ml.media.video.bitstream.errors import UnsupportedHeaderError

if TYPE_CHECKING:
    from common_ml.media.headers.h264 import SequenceParameters

MAX_REFERENCES = 32
"""Entries of a reference list; only damaged headers state more."""
_MAX_COMMANDS = 66
"""List modifications, or marking commands, of one slice."""
_SLICE_HEADER_BYTES = 512
"""Bytes of a slice header that are read; one with weights for all references is shorter."""
_P, _B, _I, _SP, _SI = range(5)
TOP_FIELD, BOTTOM_FIELD, BOTH_FIELDS = 1, 2, 3
"""Parts of a frame, as bits."""


@dataclass(frozen=True)
class PictureParameters:
    """A picture parameter set."""

    sequence: int
    """Id of its sequence parameter set."""
    has_bottom_order: bool
    num_references: tuple[int, int]
    """Active references of lists 0 and 1, unless a slice says otherwise."""
    has_weights: bool
    """Of P slices."""
    bi_weights: int
    """weighted_bipred_idc."""
    has_redundant_pictures: bool


@dataclass(frozen=True)
class SliceHeader:
    """The header of one slice of a frame or field."""

    kind: int
    """0: P, 1: B, 2: I, 3: SP, 4: SI."""
    fields: int
    """What it belongs to: 1 a top field, 2 a bottom field, 3 a frame."""
    is_idr: bool
    is_reference: bool
    frame_num: int
    order_lsb: int
    """pic_order_cnt_lsb; 0 unless order_type is 0."""
    num_references: tuple[int, int]
    """Active references of lists 0 and 1."""
    modifications: tuple[tuple[tuple[int, int], ...], ...]
    """Commands (modification_of_pic_nums_idc, value) of each list."""
    marking: tuple[tuple[int, ...], ...] | None
    """Commands (memory_management_control_operation, values); None for the sliding window."""

    @property
    def is_intra(self) -> bool:
        """Whether it refers to no other picture."""
        return self.kind in {_I, _SI}


def read_picture_parameters(unit: memoryview) -> tuple[int, PictureParameters]:
    """Parse a picture parameter set; return its id and content.

    Raises:
        UnsupportedHeaderError: it is damaged, or has slice groups.
    """
    bits = Bits(payload(unit, len(unit))[1:])
    number, sequence = bits.golomb(), bits.golomb()
    bits.number(1)  # entropy_coding_mode
    has_bottom_order = bool(bits.number(1))
    if bits.golomb():
        raise UnsupportedHeaderError("slice groups")
    num_references = (bits.golomb() + 1, bits.golomb() + 1)
    has_weights, bi_weights = bool(bits.number(1)), bits.number(2)
    for _ in ("pic_init_qp", "pic_init_qs", "chroma_qp_index_offset"):
        bits.golomb()
    bits.number(2)  # deblocking_filter_control_present, constrained_intra_pred
    has_redundant_pictures = bool(bits.number(1))
    if bits.is_exhausted or max(num_references) > MAX_REFERENCES:
        raise UnsupportedHeaderError("picture parameter set")
    return number, PictureParameters(
        sequence, has_bottom_order, num_references, has_weights, bi_weights, has_redundant_pictures
    )


def read_slice_header(
    unit: memoryview,
    sequences: dict[int, SequenceParameters],
    pictures: dict[int, PictureParameters],
) -> tuple[SliceHeader, SequenceParameters]:
    """Parse the header of a slice; return it with its sequence parameter set.

    Args:
        unit: The slice, with its one-byte header.
        sequences: Sequence parameter sets by id.
        pictures: Picture parameter sets by id.

    Raises:
        UnsupportedHeaderError: it is damaged, or refers to missing sets.
    """
    is_idr, is_reference = unit[0] & 0x1F == 5, bool(unit[0] & 0x60)
    bits = Bits(payload(unit, _SLICE_HEADER_BYTES)[1:])
    bits.golomb()  # first_mb_in_slice
    kind = bits.golomb() % 5
    picture = pictures.get(bits.golomb())
    sequence = sequences.get(picture.sequence) if picture else None
    if picture is None or sequence is None:
        raise UnsupportedHeaderError("no parameter sets")
    if not sequence.is_whole or sequence.order_type == 1:
        raise UnsupportedHeaderError("sequence parameter set")
    if sequence.has_colour_planes:
        bits.number(2)
    frame_num = bits.number(sequence.frame_num_bits)
    fields = BOTH_FIELDS
    if not sequence.frames_only and bits.number(1):
        fields = BOTTOM_FIELD if bits.number(1) else TOP_FIELD
    if is_idr:
        bits.golomb()  # idr_pic_id
    order_lsb = bits.number(sequence.order_lsb_bits)
    if sequence.order_type == 0 and picture.has_bottom_order and fields == BOTH_FIELDS:
        bits.golomb()  # delta_pic_order_cnt_bottom
    if picture.has_redundant_pictures and bits.golomb():
        raise UnsupportedHeaderError("a redundant picture")
    if kind == _B:
        bits.number(1)  # direct_spatial_mv_pred
    num_lists = {_P: 1, _SP: 1, _B: 2}.get(kind, 0)
    num_references = picture.num_references
    if num_lists and bits.number(1):
        first = bits.golomb() + 1
        num_references = (first, bits.golomb() + 1 if kind == _B else num_references[1])
    if max(num_references) > MAX_REFERENCES:
        raise UnsupportedHeaderError("too many references")
    modifications = tuple(_modifications(bits) for _ in range(num_lists))
    if (picture.has_weights and kind in {_P, _SP}) or (picture.bi_weights == 1 and kind == _B):
        _skip_weights(bits, num_references[:num_lists], sequence.chroma_array_type)
    marking = _marking(bits, is_idr=is_idr) if is_reference else None
    if bits.is_exhausted:
        raise UnsupportedHeaderError("slice header")
    header = SliceHeader(
        kind=kind,
        fields=fields,
        is_idr=is_idr,
        is_reference=is_reference,
        frame_num=frame_num,
        order_lsb=order_lsb,
        num_references=num_references if num_lists == 2 else (num_references[0], 0),
        modifications=modifications,
        marking=marking,
    )
    return header, sequence


def _modifications(bits: Bits) -> tuple[tuple[int, int], ...]:
    """7.3.3.1: ref_pic_list_modification of one list."""
    if not bits.number(1):
        return ()
    commands: list[tuple[int, int]] = []
    while (operation := bits.golomb()) != 3:
        if operation > 3 or len(commands) > _MAX_COMMANDS or bits.is_exhausted:
            raise UnsupportedHeaderError("modification of a reference list")
        commands.append((operation, bits.golomb()))
    return tuple(commands)


def _skip_weights(bits: Bits, num_references: tuple[int, ...], chroma_array_type: int) -> None:
    """7.3.3.2: pred_weight_table."""
    bits.golomb()
    if chroma_array_type:
        bits.golomb()
    for _ in range(sum(num_references)):
        if bits.number(1):
            bits.golomb()
            bits.golomb()
        if chroma_array_type and bits.number(1):
            for _ in range(4):
                bits.golomb()


def _marking(bits: Bits, *, is_idr: bool) -> tuple[tuple[int, ...], ...] | None:
    """7.3.3.3: dec_ref_pic_marking; None for the sliding window."""
    if is_idr:
        bits.number(1)  # no_output_of_prior_pics
        return ((6, 0),) if bits.number(1) else None
    if not bits.number(1):
        return None
    commands: list[tuple[int, ...]] = []
    while operation := bits.golomb():
        if operation > 6 or len(commands) > _MAX_COMMANDS or bits.is_exhausted:
            raise UnsupportedHeaderError("marking command")
        commands.append((operation, *(bits.golomb() for _ in range(_NUM_VALUES[operation]))))
    return tuple(commands)


_NUM_VALUES = {1: 1, 2: 1, 3: 2, 4: 1, 5: 0, 6: 1}
"""memory_management_control_operation -> numbers that follow."""
