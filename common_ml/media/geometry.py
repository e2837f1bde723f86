"""Crop, rotate and mirror pictures as a player does."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from av.sidedata.sidedata import Type

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import numpy.typing as npt
    from av.video.frame import VideoFrame

    Rgb: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to put a picture upright."""

    is_mirrored: bool = False
    """Mirror left and right first."""
    quarter_turns: int = 0
    """Counterclockwise turns that follow, 0..3."""

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height are swapped."""
        return bool(self.quarter_turns % 2)

    def upright(self, rgb: Rgb) -> Rgb:
        """Apply it to a picture of shape (H, W, 3); the result may be a view."""
        return np.rot90(rgb[:, ::-1] if self.is_mirrored else rgb, self.quarter_turns)


UPRIGHT = Orientation()


@dataclass(frozen=True)
class Crop:
    """Pixels to cut off at each side of a picture as stored, before rotation."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size after the crop; the full size where nothing would remain."""
        cropped = width - self.left - self.right, height - self.top - self.bottom
        return cropped if min(cropped) > 0 else (width, height)

    def apply(self, rgb: Rgb) -> Rgb:
        """Crop a picture of shape (H, W, 3); the result is a view."""
        height, width = rgb.shape[:2]
        if self.size(width, height) == (width, height):
            return rgb
        return rgb[self.top : height - self.bottom, self.left : width - self.right]


UNCROPPED = Crop()


def orientation_of(frame: VideoFrame) -> Orientation:
    """Return the orientation of a decoded picture, from its display matrix.

    Containers (MP4 track headers, Matroska projections) and bitstreams (display orientation SEI)
    all end up in this matrix.
    """
    matrix: Any = _side_data(frame).get("DISPLAYMATRIX")
    if matrix is None:
        return UPRIGHT
    return matrix_orientation(struct.unpack("=9i", bytes(matrix)[:36]))


def _side_data(frame: VideoFrame) -> Any:
    """Return what a decoder attached to a picture, also of kinds that PyAV does not know."""
    try:
        return frame.side_data
    except ValueError:
        # PyAV makes a member of an enumeration of each number, and newer FFmpegs have further ones,
        # such as EXIF beside a matrix. There is no other way to what it does know.
        Type._missing_ = classmethod(_unknown_kind)  # type: ignore[method-assign,assignment] # as Enum calls it
        return frame.side_data


def _unknown_kind(kinds: type[Type], number: object) -> Type:
    kind: Any = object.__new__(kinds)
    kind._name_, kind._value_ = f"UNKNOWN_{number}", number
    return cast("Type", kind)


def matrix_orientation(matrix: Sequence[int]) -> Orientation:
    """Return the orientation nearest to a display matrix.

    Args:
        matrix: The nine numbers a, b, u, c, d, v, x, y, w of ISO/IEC 14496-12, 6.2.2: the point
            (p, q) is shown at (a p + c q + x, b p + d q + y), where q counts downwards.
    """
    a, b, c, d = map(float, (matrix[0], matrix[1], matrix[3], matrix[4]))
    across, down = math.hypot(a, c), math.hypot(b, d)
    if not across or not down:
        return UPRIGHT
    a, c, b, d = a / across, c / across, b / down, d / down
    is_mirrored = a * d - b * c < 0
    if is_mirrored:
        a, b = -a, -b  # the rotation that remains after mirroring
    clockwise = math.atan2(b - c, a + d) / (math.pi / 2)
    return Orientation(is_mirrored, -round(clockwise) % 4)
