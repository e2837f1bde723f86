"""Read the size of a picture file, as stored and upright, from its header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from common_ml.errors import MediaError
from common_ml.media.headers.image_header import read_header

if TYPE_CHECKING:
    from pathlib import Path

    Size = tuple[int, int]
    """Width and height in pixels."""

_HEAD_BYTES = 1 << 16
_MAX_HEAD_BYTES = 1 << 20
_OWN_WAYS = frozenset({"tiff", "heif", "radiance"})
"""Formats whose header does not simply state the orientation."""


@dataclass(frozen=True)
class PictureSize:
    """Size and orientation of a picture."""

    stored: Size
    orientation: int = 1
    """EXIF's Orientation, 1..8: how the stored picture has to be rotated."""

    @property
    def upright(self) -> Size:
        """Width and height as displayed."""
        width, height = self.stored
        return (height, width) if self.orientation >= 5 else (width, height)


def picture_size(path: Path) -> PictureSize | None:
    """Return the size of a picture; decoded only if its header has none. None: not a picture."""
    stat = path.stat()
    return _picture_size(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4096)
def _picture_size(path: Path, num_bytes: int, mtime: int) -> PictureSize | None:
    del num_bytes, mtime  # a replaced file is read again
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        header = read_header(head)
        if header.size is None and len(head) == _HEAD_BYTES:
            header = read_header(head + file.read(_MAX_HEAD_BYTES))
    if header.size is None or 0 in header.size or header.format in _OWN_WAYS:
        return decoded_size(path)
    return PictureSize(header.size, header.orientation)


def decoded_size(path: Path) -> PictureSize | None:
    """Decode a picture for its size. None: it cannot be decoded."""
    from common_ml.media.images import read_image

    try:
        height, width = read_image(path).shape[:2]
    except MediaError:
        return None
    return PictureSize((width, height))
