"""References of an H.264 decoder as the targets of its numbers, and as entries of its lists.

Source: ITU-T H.264 (08/2021), 8.2.4.1 (numbers) and 8.2.4.2.5 (lists of fields).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from common_ml.media.video.bitstream.h264_headers import BOTH_FIELDS, TOP_FIELD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(eq=False)
class Reference:
    """A frame, or its first field, of which something is marked as used for reference."""

    frame_num: int
    place: int | None
    """Of its packet; None for one that fills a gap in the numbers (8.2.5.2)."""
    order: int = 0
    """PicOrderCnt of what is decoded of it; of no meaning for one that fills a gap."""
    short: int = 0
    """Fields that are short-term references: 1 the top one, 2 the bottom one."""
    long: int = 0
    """Fields that are long-term references."""
    long_index: int = 0
    """LongTermFrameIdx, where some are."""


Target: TypeAlias = tuple[Reference, int]
"""A frame or one of its fields."""


def targets_of(numbers: Iterable[tuple[int, Reference, int]], fields: int) -> dict[int, Target]:
    """Return frames of which both fields are marked by their number; or single fields by theirs."""
    if fields == BOTH_FIELDS:
        return {number: (one, marked) for number, one, marked in numbers if marked == BOTH_FIELDS}
    return {
        2 * number + (parity == fields): (one, parity)
        for number, one, marked in numbers
        for parity in (TOP_FIELD, BOTH_FIELDS ^ TOP_FIELD)
        if marked & parity
    }


def entries_of(
    frames: Sequence[Reference], fields: int, marked: Callable[[Reference], int]
) -> list[Target]:
    """Return frames as they are; or their fields in turn, of this parity first (8.2.4.2.5)."""
    if fields == BOTH_FIELDS:
        return [(one, BOTH_FIELDS) for one in frames if marked(one) == BOTH_FIELDS]
    left = {
        parity: [one for one in frames if marked(one) & parity]
        for parity in (fields, BOTH_FIELDS ^ fields)
    }
    entries: list[Target] = []
    parity = fields
    while left[parity]:
        entries.append((left[parity].pop(0), parity))
        parity ^= BOTH_FIELDS
    parity ^= BOTH_FIELDS
    return entries + [(one, parity) for one in left[parity]]
