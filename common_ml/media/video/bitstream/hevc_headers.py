"""Parse HEVC parameter sets and slice headers, as far as reference pictures need it.

Source: ITU-T H.265 (08/2021), 7.3.2.2, 7.3.2.3, 7.3.4, 7.3.6 and 7.3.7.
"""

from __future__ import annotations

from dataclasses import dataclass

from common_ml.media.headers.nal import Bits, payload
from common_ml.media.video.bitstream.errors import UnsupportedHeaderError

MAX_REFERENCES = 16
"""Entries of a reference list; only damaged headers state more."""
_SLICE_HEADER_BYTES = 384
"""Bytes of a slice header that are read, up to the modification of reference lists."""
_B, _P, _I = range(3)
_IDR = range(19, 21)
_RANDOM_ACCESS = range(16, 24)


@dataclass(frozen=True)
class ReferenceSet:
    """A short-term reference picture set: differences of picture order counts, nearest first."""

    before: tuple[tuple[int, bool], ...]
    """Difference < 0, and whether the current picture may refer to it."""
    after: tuple[tuple[int, bool], ...]
    """Difference > 0, and the same."""


@dataclass(frozen=True)
class SequenceParameters:
    """A sequence parameter set."""

    has_colour_planes: bool
    address_bits: int
    """Of slice_segment_address."""
    order_lsb_bits: int
    """Of slice_pic_order_cnt_lsb."""
    has_chroma: bool
    has_offsets: bool
    """sample_adaptive_offset_enabled_flag."""
    sets: tuple[ReferenceSet, ...]
    has_long_term: bool
    num_long_term: int
    """num_long_term_ref_pics_sps."""
    has_temporal_mvp: bool


@dataclass(frozen=True)
class PictureParameters:
    """A picture parameter set."""

    sequence: int
    """Id of its sequence parameter set."""
    has_dependent_slices: bool
    has_output_flag: bool
    num_extra_bits: int
    num_references: tuple[int, int]
    """Active references of lists 0 and 1, unless a slice says otherwise."""
    modifies_lists: bool


@dataclass(frozen=True)
class SliceHeader:
    """The header of one slice."""

    is_idr: bool
    is_reference: bool
    """Others of the same temporal layer may refer to the picture."""
    keeps_count: bool
    """Later picture order counts are derived from that of this picture."""
    order_lsb: int
    """slice_pic_order_cnt_lsb."""
    order_lsb_bits: int
    differences: frozenset[int]
    """Of the picture order counts of all pictures that it may refer to."""


def read_sequence_parameters(unit: memoryview) -> tuple[int, SequenceParameters]:
    """Parse a sequence parameter set; return its id and content.

    Raises:
        UnsupportedHeaderError: it is damaged.
    """
    bits = Bits(payload(unit, len(unit))[2:])
    bits.number(4)  # sps_video_parameter_set_id
    num_layers = bits.number(3) + 1
    bits.number(1)
    _skip_profile(bits, num_layers)
    number = bits.golomb()
    chroma_format = bits.golomb()
    has_colour_planes = chroma_format == 3 and bool(bits.number(1))
    width, height = bits.golomb(), bits.golomb()
    if bits.number(1):
        _skip(bits, 4)  # conformance window
    _skip(bits, 2)  # bit depths
    order_lsb_bits = bits.golomb() + 4
    first_layer = 0 if bits.number(1) else num_layers - 1
    _skip(bits, 3 * (num_layers - first_layer))
    block_bits = bits.golomb() + 3
    block_bits += bits.golomb()
    _skip(bits, 4)  # transform blocks
    if bits.number(1) and bits.number(1):
        _skip_scaling_lists(bits)
    bits.number(1)  # asymmetric partitions
    has_offsets = bool(bits.number(1))
    if bits.number(1):  # pcm
        bits.number(8)
        _skip(bits, 2)
        bits.number(1)
    sets: list[ReferenceSet] = []
    num_sets = bits.golomb()
    if num_sets > 64 or bits.is_exhausted or order_lsb_bits > 16 or block_bits > 8:
        raise UnsupportedHeaderError("sequence parameter set")
    for _ in range(num_sets):
        sets.append(_reference_set(bits, sets, num_sets))
    has_long_term, num_long_term = bool(bits.number(1)), 0
    if has_long_term:
        num_long_term = bits.golomb()
        if num_long_term > 32:
            raise UnsupportedHeaderError("long-term references")
        for _ in range(num_long_term):
            bits.number(order_lsb_bits + 1)
    has_temporal_mvp = bool(bits.number(1))
    if bits.is_exhausted:
        raise UnsupportedHeaderError("sequence parameter set")
    num_blocks = -(-width >> block_bits) * -(-height >> block_bits)
    return number, SequenceParameters(
        has_colour_planes=has_colour_planes,
        address_bits=max(num_blocks - 1, 0).bit_length(),
        order_lsb_bits=order_lsb_bits,
        has_chroma=chroma_format != 0 and not has_colour_planes,
        has_offsets=has_offsets,
        sets=tuple(sets),
        has_long_term=has_long_term,
        num_long_term=num_long_term,
        has_temporal_mvp=has_temporal_mvp,
    )


def read_picture_parameters(unit: memoryview) -> tuple[int, PictureParameters]:
    """Parse a picture parameter set; return its id and content.

    Raises:
        UnsupportedHeaderError: it is damaged.
    """
    bits = Bits(payload(unit, len(unit))[2:])
    number, sequence = bits.golomb(), bits.golomb()
    has_dependent_slices, has_output_flag = bool(bits.number(1)), bool(bits.number(1))
    num_extra_bits = bits.number(3)
    bits.number(2)  # sign data hiding, cabac_init_present: behind what is read of a slice
    num_references = (bits.golomb() + 1, bits.golomb() + 1)
    bits.signed_golomb()  # init_qp
    bits.number(2)  # constrained intra prediction, transform skip
    if bits.number(1):
        bits.golomb()  # diff_cu_qp_delta_depth
    for _ in ("cb_qp_offset", "cr_qp_offset"):
        bits.signed_golomb()
    bits.number(4)  # chroma offsets of slices, weighted prediction (2), lossless
    has_tiles = bits.number(1)
    bits.number(1)  # entropy_coding_sync
    if has_tiles:
        columns, rows = bits.golomb(), bits.golomb()
        if columns + rows > 64:
            raise UnsupportedHeaderError("tiles")
        if not bits.number(1):
            _skip(bits, columns + rows)
        bits.number(1)
    bits.number(1)  # loop filter across slices
    if bits.number(1):
        bits.number(1)
        if not bits.number(1):
            _skip(bits, 2)  # deblocking offsets
    if bits.number(1):
        _skip_scaling_lists(bits)
    modifies_lists = bool(bits.number(1))
    if bits.is_exhausted or max(num_references) > MAX_REFERENCES:
        raise UnsupportedHeaderError("picture parameter set")
    return number, PictureParameters(
        sequence, has_dependent_slices, has_output_flag, num_extra_bits, num_references,
        modifies_lists,
    )  # fmt: skip


def read_slice_header(
    unit: memoryview,
    sequences: dict[int, SequenceParameters],
    pictures: dict[int, PictureParameters],
) -> SliceHeader | None:
    """Parse the header of a slice; None for one that depends on the slice before it.

    Args:
        unit: The slice, with its header of two bytes.
        sequences: Sequence parameter sets by id.
        pictures: Picture parameter sets by id.

    Raises:
        UnsupportedHeaderError: it is damaged, has long-term references, or refers to missing sets.
    """
    kind, layer = unit[0] >> 1 & 0x3F, (unit[1] & 7) - 1
    bits = Bits(payload(unit, _SLICE_HEADER_BYTES)[2:])
    is_first = bits.number(1)
    if kind in _RANDOM_ACCESS:
        bits.number(1)  # no_output_of_prior_pics
    picture = pictures.get(bits.golomb())
    sequence = sequences.get(picture.sequence) if picture else None
    if picture is None or sequence is None:
        raise UnsupportedHeaderError("no parameter sets")
    if not is_first:
        is_dependent = picture.has_dependent_slices and bits.number(1)
        bits.number(sequence.address_bits)
        if is_dependent:
            return None
    bits.number(picture.num_extra_bits)
    slice_type = bits.golomb()
    if picture.has_output_flag:
        bits.number(1)
    if sequence.has_colour_planes:
        bits.number(2)
    order_lsb, references = 0, ReferenceSet((), ())
    if kind not in _IDR:
        order_lsb = bits.number(sequence.order_lsb_bits)
        references = _references_of_slice(bits, sequence)
    if sequence.has_offsets:
        bits.number(2 if sequence.has_chroma else 1)
    differences = _differences(bits, picture, slice_type, references)
    if bits.is_exhausted or slice_type > _I:
        raise UnsupportedHeaderError("slice header")
    return SliceHeader(
        is_idr=kind in _IDR,
        is_reference=kind >= 16 or bool(kind & 1),
        # neither leading nor unreferenced pictures, of the lowest layer (8.3.1)
        keeps_count=layer == 0 and (kind >= 16 or (bool(kind & 1) and not 6 <= kind <= 9)),
        order_lsb=order_lsb,
        order_lsb_bits=sequence.order_lsb_bits,
        differences=differences,
    )


def _references_of_slice(bits: Bits, sequence: SequenceParameters) -> ReferenceSet:
    sets = sequence.sets
    if not bits.number(1):
        references = _reference_set(bits, sets, len(sets))
    elif sets:
        place = bits.number((len(sets) - 1).bit_length())
        if place >= len(sets):
            raise UnsupportedHeaderError("reference picture set")
        references = sets[place]
    else:
        raise UnsupportedHeaderError("reference picture set")
    if sequence.has_long_term:
        num_long_term = bits.golomb() if sequence.num_long_term else 0
        if num_long_term or bits.golomb():
            raise UnsupportedHeaderError("long-term references")
    if sequence.has_temporal_mvp:
        bits.number(1)
    return references


def _differences(
    bits: Bits, picture: PictureParameters, slice_type: int, references: ReferenceSet
) -> frozenset[int]:
    """8.3.4: the entries of the reference lists of a slice."""
    if slice_type == _I:
        return frozenset()
    num_references = picture.num_references
    if bits.number(1):
        first = bits.golomb() + 1
        num_references = (first, bits.golomb() + 1 if slice_type == _B else num_references[1])
    if max(num_references) > MAX_REFERENCES:
        raise UnsupportedHeaderError("too many references")
    before = [difference for difference, is_used in references.before if is_used]
    after = [difference for difference, is_used in references.after if is_used]
    total = len(before) + len(after)
    if not total:
        raise UnsupportedHeaderError("no references")
    found: set[int] = set()
    for number, candidates in enumerate((before + after, after + before)):
        if number and slice_type != _B:
            break
        places: list[int] = list(range(num_references[number]))
        if picture.modifies_lists and total > 1 and bits.number(1):
            places = [bits.number((total - 1).bit_length()) for _ in places]
        found.update(candidates[place % total] for place in places)
    return frozenset(found)


def _reference_set(
    bits: Bits, sets: list[ReferenceSet] | tuple[ReferenceSet, ...], num_sets: int
) -> ReferenceSet:
    """7.3.7 and 7.4.8: the set that follows `sets`; behind the last one that of a slice."""
    if sets and bits.number(1):
        back = bits.golomb() + 1 if len(sets) == num_sets else 1
        if back > len(sets):
            raise UnsupportedHeaderError("reference picture set")
        return _predicted_set(bits, sets[-back])
    counts = bits.golomb(), bits.golomb()
    if max(counts) > MAX_REFERENCES:
        raise UnsupportedHeaderError("reference picture set")
    halves = []
    for sign, count in zip((-1, 1), counts, strict=True):
        difference, half = 0, []
        for _ in range(count):
            difference += sign * (bits.golomb() + 1)
            half.append((difference, bool(bits.number(1))))
        halves.append(tuple(half))
    return ReferenceSet(*halves)


def _predicted_set(bits: Bits, source: ReferenceSet) -> ReferenceSet:
    sign = -1 if bits.number(1) else 1
    shift = sign * (bits.golomb() + 1)
    known = [*source.before, *source.after, (0, True)]
    moved: list[tuple[int, bool]] = []
    for difference, _ in known:
        is_used = bool(bits.number(1))
        if is_used or bits.number(1):
            moved.append((difference + shift, is_used))
    # (7-61) and (7-62) list them from the nearest to the farthest
    before = sorted((one for one in moved if one[0] < 0), reverse=True)
    after = sorted(one for one in moved if one[0] > 0)
    if max(len(before), len(after)) > MAX_REFERENCES:
        raise UnsupportedHeaderError("reference picture set")
    return ReferenceSet(tuple(before), tuple(after))


def _skip_profile(bits: Bits, num_layers: int) -> None:
    """7.3.3: profile_tier_level."""
    bits.number(96)
    present = [(bits.number(1), bits.number(1)) for _ in range(num_layers - 1)]
    if present:
        bits.number(2 * (8 - len(present)))
    for has_profile, has_level in present:
        bits.number(88 * has_profile + 8 * has_level)


def _skip_scaling_lists(bits: Bits) -> None:
    """7.3.4: scaling_list_data."""
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.number(1):
                bits.golomb()
                continue
            for _ in range(min(64, 1 << 4 + 2 * size) + (size > 1)):
                bits.signed_golomb()


def _skip(bits: Bits, count: int) -> None:
    for _ in range(count):
        bits.golomb()
