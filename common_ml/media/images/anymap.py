"""Decode portable anymaps (PBM, PGM, PPM, PAM, PHM) of any depth, after netpbm's manual pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.media.images.depth import scaled

if TYPE_CHECKING:
    import numpy.typing as npt

    from common_ml.media.headers.pnm import PnmHeader

_COMMENT = re.compile(rb"#[^\n]*")


def decode(data: bytes, header: PnmHeader) -> npt.NDArray[Any] | None:
    """Decode to grey, shape (H, W), or RGB, shape (H, W, 3); None where samples are missing.

    Returns:
        uint8, or float32 for PHM.
    """
    width, height = header.width, header.height
    if header.kind in {"PH", "Ph"}:
        return _half_floats(data, header)
    if header.kind == "P4":
        packed = _from_bytes(data, header.body, height * (-(-width // 8)), np.dtype(np.uint8))
        if packed is None:
            return None
        bits = np.unpackbits(packed.reshape(height, -1), axis=1)[:, :width]
        return (1 - bits) * np.uint8(255)
    count = width * height * header.num_channels
    samples = _text(data, header, count) if header.kind in _TEXTS else _binary(data, header, count)
    if samples is None or not 1 <= header.max_value <= 65535:
        return None
    pixels = samples.reshape(height, width, header.num_channels)
    if header.kind == "P1":
        pixels = 1 - pixels  # 1 is black
    grey_or_rgb = pixels[:, :, :3] if header.num_channels >= 3 else pixels[:, :, 0]
    return scaled(np.minimum(grey_or_rgb, header.max_value), header.max_value)


def _half_floats(data: bytes, header: PnmHeader) -> npt.NDArray[np.float32] | None:
    """Decode rows from the bottom up; the sign of the scale before them is the byte order."""
    *_, scale = data[: header.body].split() or [b""]
    order = "<" if scale.startswith(b"-") else ">"
    count = header.width * header.height * header.num_channels
    samples = _from_bytes(data, header.body, count, np.dtype(f"{order}f2"))
    if samples is None:
        return None
    rows = samples.reshape(header.height, header.width, header.num_channels)[::-1]
    return (rows if header.num_channels > 1 else rows[:, :, 0]).astype(np.float32)


_TEXTS = frozenset({"P1", "P2", "P3"})


def _binary(data: bytes, header: PnmHeader, count: int) -> npt.NDArray[Any] | None:
    return _from_bytes(
        data, header.body, count, np.dtype(">u2" if header.max_value > 255 else "u1")
    )


def _from_bytes(
    data: bytes, offset: int, count: int, dtype: np.dtype[Any]
) -> npt.NDArray[Any] | None:
    if offset + count * dtype.itemsize > len(data):
        return None
    return np.frombuffer(data, dtype, count, offset)


def _text(data: bytes, header: PnmHeader, count: int) -> npt.NDArray[Any] | None:
    if len(data) - header.body < (count if header.kind == "P1" else 2 * count - 1):
        return None  # fewer bytes than digits and separators
    text = _COMMENT.sub(b"", data[header.body - 1 :])
    if header.kind == "P1":  # the digits need no blanks between them
        digits = np.frombuffer(text, np.uint8)
        values = digits[(digits == ord("0")) | (digits == ord("1"))] - ord("0")
    else:
        if text.translate(None, b"0123456789 \t\r\n\v\f"):
            return None
        values = np.fromstring(text.decode("ascii"), np.int64, sep=" ")
    return values[:count] if len(values) >= count else None
