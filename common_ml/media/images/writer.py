"""Write still images: PNG and JPEG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common_ml.media.images import ffmpeg, opencv

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from common_ml.types import StrPath

    Pixels = npt.NDArray[np.uint8]


def write_image(path: StrPath, pixels: Pixels) -> None:
    """Write a picture as PNG or, lossy, as JPEG, by its extension.

    Args:
        path: The new file, which ends in .png or .jpg; an existing one is replaced.
        pixels: RGB, uint8, shape (H, W, 3); or grey, such as a label image, shape (H, W).

    Raises:
        OSError: the file cannot be written.
        ValueError: `pixels` is not such a picture, or the name has another ending.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".jpg"):
        raise ValueError(f"path must end in .png or .jpg, got {suffix!r}")
    Path(path).write_bytes(_encoded(suffix, pixels))  # imwrite gives no reason for a failure


def write_png(path: StrPath, pixels: Pixels) -> None:
    """Write a picture as PNG, whatever its name; lossless.

    Args:
        path: As in `write_image`, with any extension.
        pixels: As in `write_image`.

    Raises:
        OSError: the file cannot be written.
        ValueError: `pixels` is not such a picture.
    """
    Path(path).write_bytes(_encoded(".png", pixels))


def jpeg_bytes(rgb: Pixels, max_size: int, *, quality: int = 75) -> bytes:
    """Encode a picture as JPEG, scaled down where it is larger.

    Args:
        rgb: uint8, shape (H, W, 3).
        max_size: Maximum pixels of the longer side, >= 1.
        quality: 1..100.
    """
    height, width = rgb.shape[:2]
    scale = min(max_size / max(height, width), 1)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    _, encode_jpeg = _encoders()
    return encode_jpeg(rgb, size, quality)


def _encoded(suffix: str, pixels: Pixels) -> bytes:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(
            f"pixels must be uint8, shape (H, W, 3) or (H, W), got {pixels.dtype}, {pixels.shape}"
        )
    if pixels.size == 0:
        raise ValueError(f"pixels must not be empty, got shape {pixels.shape}")
    encode_png, encode_jpeg = _encoders()
    if suffix == ".png":
        return encode_png(pixels)
    return encode_jpeg(pixels, (pixels.shape[1], pixels.shape[0]), _LABEL_QUALITY)


def _encoders() -> tuple[
    Callable[[Pixels], bytes], Callable[[Pixels, tuple[int, int], int], bytes]
]:
    if opencv.module() is None:
        return ffmpeg.encode_png, ffmpeg.encode_jpeg
    return opencv.encode_png, opencv.encode_jpeg


_LABEL_QUALITY = 95
"""Quality of JPEGs that `write_image` writes."""
