"""Decode, encode and scale pictures with OpenCV, where it can be loaded."""

from __future__ import annotations

import logging
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from common_ml.errors import DecodeError
from common_ml.media import limits
from common_ml.media.access import quoted

if TYPE_CHECKING:
    from types import ModuleType

    import numpy.typing as npt

    from common_ml.types import StrPath

    Image = npt.NDArray[np.uint8]

_log = logging.getLogger(__name__)


@cache
def module() -> ModuleType | None:
    """Return OpenCV, or None where it cannot be loaded, with one warning.

    Its own limit of pixels, which it reads when it is loaded, becomes the one in force.
    """
    if "cv2" not in sys.modules:
        os.environ.setdefault(_LIMIT_VARIABLE, str(limits.in_force().max_pixels))
    try:
        import cv2
    except ImportError as error:
        _log.warning(
            "OpenCV cannot be loaded (%s): FFmpeg reads pictures instead; hint: install libGL"
            " (apt-get install libgl1), or opencv-python-headless in place of opencv-python",
            error,
        )
        return None
    return cv2


def max_pixels() -> int:
    """Return OpenCV's limit of pixels: the one in force when it was loaded."""
    return int(os.environ.get(_LIMIT_VARIABLE, _OWN_LIMIT)) if module() is not None else 0


_LIMIT_VARIABLE = "OPENCV_IO_MAX_IMAGE_PIXELS"
_OWN_LIMIT = 1 << 30


def decode(data: bytes, path: StrPath, *, applies_orientation: bool) -> npt.NDArray[Any] | None:
    """Decode to grey or RGB at the depth of the file.

    Args:
        data: The whole file.
        path: Its name, for the message.
        applies_orientation: Whether OpenCV rotates the picture upright.

    Returns:
        Shape (H, W) or (H, W, 3); None where OpenCV lacks the format or cannot be loaded.

    Raises:
        DecodeError: OpenCV refuses the picture.
    """
    cv2 = module()
    if cv2 is None:
        return None
    # The depth and the number of channels of the file: COLOR fails on grey float TIFFs.
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
    if not applies_orientation:
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or of a kind that is not"
            f" supported ({error.err or 'OpenCV gives no reason'})",
            path=path,
        ) from error
    return None if pixels is None else _rgb(pixels)


def decode_part(data: bytes) -> npt.NDArray[Any] | None:
    """Decode a picture inside another file, such as a tile, with its alpha: grey, RGB or RGBA."""
    cv2 = cast("Any", module())
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    return None if pixels is None else _rgb(pixels)


def _rgb(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Convert between BGR(A) and RGB(A)."""
    if pixels.ndim == 2:
        return pixels
    cv2 = cast("Any", module())
    order = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    if pixels.dtype in (np.uint8, np.uint16, np.float32):
        return cast("npt.NDArray[Any]", cv2.cvtColor(pixels, order))
    return pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]


def encode_png(pixels: Image) -> bytes:
    """Encode grey, shape (H, W), or RGB, shape (H, W, 3)."""
    cv2 = cast("Any", module())
    # 1 of 9: on film frames 20 % larger than the best, and several times as fast
    _, data = cv2.imencode(".png", _bgr(pixels), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(data)


def encode_jpeg(pixels: Image, size: tuple[int, int], quality: int) -> bytes:
    """Encode grey or RGB, scaled to `size` (width, height) by averaging; quality is 1..100."""
    cv2 = cast("Any", module())
    if size != (pixels.shape[1], pixels.shape[0]):
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", _bgr(pixels), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data)


def _bgr(pixels: Image) -> Image:
    cv2 = cast("Any", module())
    return pixels if pixels.ndim == 2 else cast("Image", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
