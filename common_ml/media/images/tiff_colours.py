"""Turn the samples of a TIFF page into grey or RGB: palettes, inks, CIE L*a*b*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from common_ml.media.headers import tiff
from common_ml.media.images.depth import from_linear, scaled, to_8_bits

if TYPE_CHECKING:
    import numpy.typing as npt

    Samples = npt.NDArray[Any]

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, INKS = 0, 1, 2, 3, 5
CIELAB, ICCLAB, ITULAB = 8, 9, 10
_LABS = frozenset({CIELAB, ICCLAB, ITULAB})
NUM_SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, INKS: 4,
               CIELAB: 3, ICCLAB: 3, ITULAB: 3}  # fmt: skip
"""Photometric interpretation -> samples that make the colour of a pixel; others are left out."""
_MAX_MAPPED_BITS = 16
_CMYK = 1


def is_supported(page: tiff.Directory) -> bool:
    """Whether `grey_or_rgb` takes the samples of a page."""
    photometric = page.value(tiff.PHOTOMETRIC, BLACK_IS_ZERO)
    wanted = NUM_SAMPLES.get(photometric)
    bits, is_unsigned = page.value(tiff.BITS, 1), page.value(tiff.SAMPLE_FORMAT, 1) == 1
    if wanted is None or page.value(tiff.SAMPLES, 1) < wanted:
        return False
    if photometric == PALETTE:
        return is_unsigned and bits <= _MAX_MAPPED_BITS and tiff.COLOUR_MAP in page.tags
    if photometric == INKS:
        return is_unsigned and bits in {8, 16} and page.value(tiff.INK_SET, _CMYK) == _CMYK
    if photometric in _LABS:
        return bits in {8, 16}
    return True


def grey_or_rgb(samples: Samples, page: tiff.Directory) -> Samples | None:
    """Convert to grey, shape (H, W), or RGB, shape (H, W, 3), full range; None: a wrong palette.

    Args:
        samples: As stored, shape (H, W, as many as NUM_SAMPLES says).
        page: Its directory.

    Returns:
        uint8 or uint16; or wider integers and floats as they are stored.
    """
    photometric = page.value(tiff.PHOTOMETRIC, BLACK_IS_ZERO)
    bits = page.value(tiff.BITS, 1)
    if photometric == PALETTE:
        return _looked_up(samples[:, :, 0], page, bits)
    if photometric == INKS:
        return _without_inks(samples if bits == 8 else to_8_bits(samples, is_linear=False))
    if photometric in _LABS:
        return _from_lab(samples, photometric, bits)
    if photometric == WHITE_IS_ZERO:
        samples = _inverted(samples, bits)
    if samples.dtype.kind == "u" and bits < 16 and bits != 8:
        samples = scaled(samples, (1 << bits) - 1)
    if samples.dtype == np.float16:
        samples = samples.astype(np.float32)
    return samples if photometric == RGB else samples[:, :, 0]


def _inverted(samples: Samples, bits: int) -> Samples:
    if samples.dtype.kind == "f":
        return np.asarray(1 - samples)
    if samples.dtype.kind == "i":
        return np.asarray(np.iinfo(samples.dtype).max - np.maximum(samples, 0))
    return np.asarray(samples.dtype.type((1 << bits) - 1) - samples)


def _looked_up(indices: Samples, page: tiff.Directory, bits: int) -> Samples | None:
    values = page.values(tiff.COLOUR_MAP)
    if len(values) != 3 << bits:
        return None
    colours = np.array(values, np.uint16).reshape(3, -1).T
    are_bytes = colours.max(initial=0) < 256  # else most writers multiply by 257, some by 256
    table = (colours if are_bytes else colours >> 8).astype(np.uint8)
    return np.take(table, indices, axis=0)


def _without_inks(inks: npt.NDArray[np.uint8]) -> Samples:
    """Multiply what each ink lets through."""
    light = 255 - inks.astype(np.uint32)
    return ((light[:, :, :3] * light[:, :, 3:] + 127) // 255).astype(np.uint8)


# -- CIE L*a*b*, TIFF 6.0 section 23 and technical note 4 ------------------------------------------


class _Scale(NamedTuple):
    """How samples of 8 bits are coded; those of 16 have 256 times the value."""

    lightness: float
    """Stored value of L* = 100."""
    step: tuple[float, float]
    """Of a* and b*."""
    zero: tuple[float, float]
    """Stored value of a* = 0 and b* = 0."""


_SCALES = {
    CIELAB: _Scale(255, (1, 1), (0, 0)),  # a* and b* are signed
    ICCLAB: _Scale(255, (1, 1), (128, 128)),
    ITULAB: _Scale(255, (170 / 255, 200 / 255), (128, 96)),
}
_D50 = np.array([0.9642, 1.0, 0.8249], np.float32)
_D50_TO_SRGB = np.array(
    [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540],
     [0.0719453, -0.2289914, 1.4052427]], np.float32,
)  # fmt: skip
"""XYZ relative to D50 -> linear sRGB, adapted by Bradford's method."""
_LAB_ROWS = 64


def _from_lab(samples: Samples, photometric: int, bits: int) -> Samples:
    scale = _SCALES[photometric]
    unit = 1.0 if bits == 8 else 256.0
    white = scale.lightness * unit
    if bits != 8:
        white = 65280.0 if photometric == ICCLAB else 65535.0
    signed = f"i{samples.dtype.itemsize}"
    unsigned = samples.view(f"u{samples.dtype.itemsize}")
    rgb = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), _LAB_ROWS):
        strip = unsigned[top : top + _LAB_ROWS]
        lightness = strip[:, :, 0].astype(np.float32) * np.float32(100 / white)
        coded = strip[:, :, 1:].view(signed) if photometric == CIELAB else strip[:, :, 1:]
        opponents = (coded.astype(np.float32) / np.float32(unit) - scale.zero) * scale.step
        rgb[top : top + len(strip)] = _srgb(lightness, opponents)
    return rgb


def _srgb(lightness: Samples, opponents: Samples) -> Samples:
    """CIE 15: L*a*b* relative to D50 to sRGB."""
    y = (lightness + 16) / 116
    roots = np.stack([y + opponents[:, :, 0] / 500, y, y - opponents[:, :, 1] / 200], axis=-1)
    ratios = np.where(roots > 6 / 29, roots**3, (roots - 4 / 29) * (3 * (6 / 29) ** 2))
    return from_linear((ratios * _D50) @ _D50_TO_SRGB.T)
