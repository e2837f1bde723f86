"""Scale samples of any depth to 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def to_8_bits(pixels: npt.NDArray[Any], *, is_linear: bool) -> npt.NDArray[np.uint8]:
    """Scale to 0..255, rounded.

    Args:
        pixels: Any numeric type, any shape. Integers use their type's whole range.
        is_linear: Whether floating-point samples are linear light, which goes through the sRGB
            curve (IEC 61966-2-1).
    """
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return _from_16_bits(pixels)
    scaled: npt.NDArray[np.uint8] = np.rint(_unit(pixels, is_linear=is_linear) * 255).astype(
        np.uint8
    )
    return scaled


def _from_16_bits(pixels: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """65535 = 257 * 255: integer rounding, in strips that stay in the cache."""
    scaled = np.empty(pixels.shape, np.uint8)
    for start in range(0, len(pixels), _STRIP_ROWS):
        strip = pixels[start : start + _STRIP_ROWS].astype(np.uint32)
        scaled[start : start + _STRIP_ROWS] = (strip + 128) // 257
    return scaled


_STRIP_ROWS = 16


def _unit(pixels: npt.NDArray[Any], *, is_linear: bool) -> npt.NDArray[Any]:
    """Scale to 0..1."""
    if pixels.dtype in (np.int8, np.int16):
        return np.clip(pixels / np.iinfo(pixels.dtype).max, 0, 1)
    if is_linear:
        return _srgb_curve(np.clip(np.nan_to_num(pixels), 0, 1))
    # Floats beyond 1 and wide integers are measurements with a range of their own.
    values = np.nan_to_num(pixels.astype(np.float64), posinf=0, neginf=0)
    return np.clip(values / max(float(values.max(initial=0)), 1.0), 0, 1)


def from_linear(light: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Code linear light, 0..1 and clipped to it, as sRGB of 8 bits."""
    return np.asarray(np.rint(_srgb_curve(np.clip(light, 0, 1)) * 255), np.uint8)


def _srgb_curve(light: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def scaled(samples: npt.NDArray[Any], max_value: int) -> npt.NDArray[np.uint8]:
    """Scale 0..max_value to 0..255, rounded (half up)."""
    if max_value == 255:
        return samples.astype(np.uint8)
    values = np.arange(max_value + 1, dtype=np.int64)
    table = ((values * 510 + max_value) // (2 * max_value)).astype(np.uint8)
    result: npt.NDArray[np.uint8] = np.take(table, np.minimum(samples, max_value))
    return result
