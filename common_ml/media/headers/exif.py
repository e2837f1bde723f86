"""Read the orientation from an EXIF block."""

from __future__ import annotations

from common_ml.media.headers import tiff


def exif_orientation(block: bytes) -> int:
    r"""Return tag 0x0112 of the first directory, 1 to 8; 1 where there is none.

    Args:
        block: With or without `Exif\0\0` before it. Writers store the value as SHORT, as
            specified, or as LONG.
    """
    directory = tiff.first_directory(block.removeprefix(b"Exif\0\0"))
    value = directory.value(tiff.ORIENTATION, 1) if directory else 1
    return value if 1 <= value <= 8 else 1
