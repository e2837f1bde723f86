"""Rotate and mirror pictures upright, by EXIF's orientation."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

AnyType = TypeVar("AnyType", bound=np.generic)


def upright(pixels: npt.NDArray[AnyType], orientation: int) -> npt.NDArray[AnyType]:
    """Rotate and mirror a picture upright.

    Args:
        pixels: Shape (H, W) or (H, W, channels).
        orientation: EXIF's, 1 to 8.
    """
    mirrored, quarter_turns = _TURNS.get(orientation, _TURNS[1])
    if mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns))


_TURNS = {
    1: (False, 0), 3: (False, 2), 6: (False, 3), 8: (False, 1),
    2: (True, 0), 4: (True, 2), 5: (True, 1), 7: (True, 3),
}  # fmt: skip
"""EXIF's Orientation -> whether to mirror left to right, then quarter turns anticlockwise."""
