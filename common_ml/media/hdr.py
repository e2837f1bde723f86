"""Map HDR and wide-gamut colours to SDR with the primaries of BT.709.

Sources: Rec. ITU-R BT.2100-2, tables 4 and 5 (PQ, HLG); BT.2087-0 (primaries); BT.2408-7 (white of
SDR at 203 cd/m2); BT.1886 (gamma of an SDR display).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    import numpy.typing as npt
    from av.video.frame import VideoFrame

    Colours: TypeAlias = npt.NDArray[np.float64]
    Floats: TypeAlias = npt.NDArray[np.float32]
    AnyFloats: TypeAlias = npt.NDArray[Any]  # of either precision
    Rgb: TypeAlias = npt.NDArray[np.uint8]

_PQ, _HLG = 16, 18
"""AVColorTransferCharacteristic."""
_BT709, _UNSPECIFIED, _BT2020, _DCI_P3, _DISPLAY_P3 = 1, 2, 9, 11, 12
"""AVColorPrimaries."""

SDR_WHITE = 203.0
"""Luminance of reference white in HDR, cd/m2."""
_HLG_PEAK, _PQ_PEAK = 1000.0, 10_000.0
_SDR_GAMMA = 2.4
_HLG_GAMMA = 1.2
"""System gamma of a display of 1,000 cd/m2."""
_KNEE = 0.8
"""Share of SDR white up to which colours stay as they are; white itself becomes 0.9."""

MAPPED_FORMAT = "gbrp16le"
"""Pixel format that `ToneMapper` takes: full range."""
_BLOCK_PIXELS = 1 << 15
"""Pixels per block, so that a block stays in the CPU's cache."""
_CURVE_STEPS = (1 << 13) - 1


class ColourTags(NamedTuple):
    """What a stream says about its colours, as numbers of ITU-T H.273."""

    transfer: int = _UNSPECIFIED
    primaries: int = _UNSPECIFIED

    @property
    def is_hdr(self) -> bool:
        """The signal is PQ or HLG."""
        return self.transfer in (_PQ, _HLG)

    @property
    def needs_mapping(self) -> bool:
        """The colours need mapping to SDR in BT.709."""
        return self.is_hdr or self.primaries == _BT2020


UNTAGGED = ColourTags()


def sdr_colours(signal: Colours, tags: ColourTags) -> Colours:
    """Map colours to SDR.

    What SDR can show stays as it is up to 0.8 of white; above, brightness is rolled off up to the
    peak of the signal (1,000 cd/m2 of HLG, 10,000 of PQ), at the same hue.

    Args:
        signal: RGB, full range as 0..1, shape (N, 3).
        tags: How it is coded.

    Returns:
        RGB of BT.709 for a BT.1886 display, 0..1, shape (N, 3).
    """
    light: Colours = _linear(signal, tags.transfer).T
    light = np.maximum(_to_bt709(tags) @ light, 0)
    if tags.is_hdr:
        brightest = light.max(axis=0)
        light = light * (_rolled_off(brightest, _peak(tags)) / np.maximum(brightest, 1e-9))
    return np.asarray(np.minimum(light, 1) ** (1 / _SDR_GAMMA)).T


class ToneMapper:
    """Map pictures of one stream, with lookup tables of the formulas of `sdr_colours`."""

    def __init__(self, tags: ColourTags) -> None:
        """Prepare.

        Args:
            tags: How the pictures are coded.
        """
        self._tags = tags
        levels = np.arange(1 << 16)[:, np.newaxis] / 65535
        self._light = _linear(levels, tags.transfer)[:, 0].astype(np.float32)
        self._matrix = _to_bt709(tags).astype(np.float32)
        # indexed by the square root of light: as fine near black as 8 bits of a gamma of 2.4 are
        steps = np.arange(_CURVE_STEPS + 1) / _CURVE_STEPS
        self._curve = np.rint(255 * steps ** (2 / _SDR_GAMMA)).astype(np.uint8)

    def __call__(self, frame: VideoFrame) -> Rgb:
        """Map a picture of `MAPPED_FORMAT` to RGB, uint8, shape (H, W, 3), contiguous."""
        green, blue, red = (
            np.frombuffer(memoryview(plane), "<u2").reshape(plane.height, -1)[:, : frame.width]
            for plane in frame.planes
        )
        return self.mapped((red, green, blue))

    def mapped(self, channels: Sequence[npt.NDArray[np.uint16]]) -> Rgb:
        """Map red, green and blue, each uint16, full range, shape (H, W), to RGB as above."""
        height, width = channels[0].shape
        rgb = np.empty((height, width, 3), np.uint8)
        num_rows = max(1, _BLOCK_PIXELS // width)
        for top in range(0, height, num_rows):
            rows = slice(top, top + num_rows)
            levels = np.stack([channel[rows] for channel in channels])
            mapped = self._mapped(self._light.take(levels.reshape(3, -1), mode="clip"))
            for number in range(3):
                rgb[rows, :, number] = mapped[number].reshape(-1, width)
        return rgb

    def _mapped(self, light: Floats) -> Rgb:
        """Evaluate `sdr_colours` for shape (3, N)."""
        light = np.maximum(self._matrix @ light, 0)
        if self._tags.is_hdr:
            brightest = np.maximum(np.maximum(light[0], light[1]), light[2])
            if brightest.max(initial=0) > _KNEE:
                light *= _rolled_off(brightest, _peak(self._tags)) / np.maximum(brightest, 1e-9)
        steps = np.sqrt(np.minimum(light, 1)) * np.float32(_CURVE_STEPS) + np.float32(0.5)
        return self._curve.take(steps.astype(np.uint16), mode="clip")


def _linear(signal: Colours, transfer: int) -> Colours:
    """Undo the curve of each channel: light of a display, 1 for the white of SDR.

    The system gamma of HLG is applied to each channel, as FFmpeg's zscale does, so that SDR which
    was converted to HLG comes back. BT.2100, and players that use libplacebo, apply it to the
    luminance, which shows saturated colours paler: a green of (0, 191, 0) as (72, 187, 52).
    """
    if transfer == _PQ:
        m1, m2 = 2610 / 16384, 2523 / 4096 * 128
        c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        power = signal ** (1 / m2)
        return np.asarray(
            (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1) * (_PQ_PEAK / SDR_WHITE)
        )
    if transfer == _HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
        return np.asarray(scene**_HLG_GAMMA * (_HLG_PEAK / SDR_WHITE))
    return np.asarray(signal**_SDR_GAMMA)


def _rolled_off(light: AnyFloats, peak: float) -> AnyFloats:
    """Extended Reinhard above the knee: smooth there, and 1 at the peak."""
    above = np.maximum(light - _KNEE, 0) / (1 - _KNEE)
    most = (peak - _KNEE) / (1 - _KNEE)
    rolled = above * (1 + above / most**2) / (1 + above)
    return np.asarray(np.minimum(light, _KNEE) + (1 - _KNEE) * rolled)


def _peak(tags: ColourTags) -> float:
    """Return the peak of a signal, 1 for the white of SDR."""
    return (_HLG_PEAK if tags.transfer == _HLG else _PQ_PEAK) / SDR_WHITE


_CHROMATICITIES = {
    _BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    _BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    _DCI_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    _DISPLAY_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x and y of red, green and blue (ITU-T H.273, table 2); white is D65 for all."""
_D65 = (0.3127, 0.3290)


def _to_bt709(tags: ColourTags) -> Colours:
    source = _CHROMATICITIES.get(tags.primaries, _CHROMATICITIES[_BT2020])
    return np.linalg.inv(_to_xyz(_CHROMATICITIES[_BT709])) @ _to_xyz(source)


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> Colours:
    """SMPTE RP 177: the matrix from linear RGB to CIE XYZ."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    x, y = _D65
    return np.asarray(columns * np.linalg.solve(columns, np.array([x / y, 1, (1 - x - y) / y])))
