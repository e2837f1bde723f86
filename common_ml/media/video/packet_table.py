"""Table of the packets of a video stream, as arrays: times, sizes, keyframes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Ints: TypeAlias = npt.NDArray[np.int64]
    Flags: TypeAlias = npt.NDArray[np.bool_]

NO_TIME = int(np.iinfo(np.int64).min)
"""Marks a missing timestamp."""
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


class PacketRow(NamedTuple):
    """One packet; the fields are those of PacketTable."""

    pts: int
    dts: int
    size: int
    is_keyframe: bool
    is_start: bool
    is_shown: bool
    needs_all: bool


@dataclass(frozen=True, eq=False)
class PacketTable:
    """The packets of one stream in file order; arrays of one length."""

    pts: Ints
    """Presentation time in ticks, or NO_TIME."""
    dts: Ints
    """Decoding time in ticks, or NO_TIME."""
    sizes: Ints
    """Bytes, > 0."""
    is_keyframe: Flags
    """Keyframe according to the container."""
    is_start: Flags
    """Keyframe according to the container and the bitstream."""
    is_shown: Flags
    """The packet gives a picture: it is neither outside an edit list nor a hidden reference."""
    needs_all: Flags
    """May decode differently if non-reference pictures before it are skipped."""

    @classmethod
    def of(cls, rows: Sequence[PacketRow]) -> PacketTable:
        """Make a table of rows."""
        columns = list(zip(*rows, strict=True)) or [()] * len(PacketRow._fields)
        return cls(
            pts=np.array(columns[0], np.int64),
            dts=np.array(columns[1], np.int64),
            sizes=np.array(columns[2], np.int64),
            is_keyframe=np.array(columns[3], np.bool_),
            is_start=np.array(columns[4], np.bool_),
            is_shown=np.array(columns[5], np.bool_),
            needs_all=np.array(columns[6], np.bool_),
        )

    def __len__(self) -> int:
        return len(self.pts)

    def with_one_start(self) -> PacketTable:
        """Return the table with the first packet as the only place to begin at."""
        return replace(self, is_start=self.is_start & (np.arange(len(self)) == 0))

    def find(self, pts: int | None, size: int) -> int | None:
        """Return the number of the one packet with this time and size."""
        left, right = (self._sorted_pts.searchsorted(pts or 0, side) for side in _SIDES)
        same = self._by_pts[left:right]
        same = same[(self.sizes[same] == size) & (self.pts[same] == pts)]
        return int(same[0]) if len(same) == 1 else None

    @cached_property
    def _by_pts(self) -> Ints:
        return np.argsort(self.pts, kind="stable")

    @cached_property
    def _sorted_pts(self) -> Ints:
        return self.pts[self._by_pts]
