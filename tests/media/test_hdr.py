"""HDR and wide-gamut pictures against the SDR they were made from, and against the formulas."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from common_ml.media import decode
from common_ml.media.hdr import MAPPED_FORMAT, ColourTags, ToneMapper, sdr_colours

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

PQ, HLG, BT709 = 16, 18, 1
BT2020 = 9
BARS = [
    (191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0),
    (0, 0, 191), (195, 179, 0), (255, 255, 255), (128, 128, 128), (64, 64, 64), (16, 16, 16),
    (230, 180, 150), (90, 60, 50), (40, 90, 160), (120, 160, 60),
]  # fmt: skip
TILE = 48
FFMPEG = shutil.which("ffmpeg") or ""
ZSCALE = FFMPEG and b" zscale " in subprocess.check_output([FFMPEG, "-v", "error", "-filters"])
TRANSFERS = {"arib-std-b67": HLG, "smpte2084": PQ, "bt709": BT709}


def bars() -> npt.NDArray[np.uint8]:
    colours = np.array(BARS, np.uint8).reshape(4, 4, 3)
    return np.kron(colours, np.ones((TILE, TILE, 1), np.uint8))


@pytest.mark.skipif(not ZSCALE, reason="no ffmpeg program with zscale here")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv422p10le"])
@pytest.mark.parametrize("transfer", TRANSFERS)
def test_what_sdr_can_show_comes_back(
    transfer: str, pixel_format: str, suffix: str, tmp_path: Path
) -> None:
    """Colour bars, encoded with reference white at 203 cd/m2."""
    path = tmp_path / f"a{suffix}"
    size = f"{4 * TILE}x{4 * TILE}"
    zscale = f"zscale=tin=bt709:pin=bt709:min=gbr:rin=full:t={transfer}:p=bt2020:m=bt2020nc"
    codec = "prores_ks" if suffix == ".mov" else "libx264"
    if suffix == ".mov" and pixel_format == "yuv420p10le":
        pytest.skip("ProRes has no 4:2:0")
    subprocess.run(
        [
            *(FFMPEG, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size),
            *("-i", "-", "-vf", f"{zscale}:r=limited:npl=203,format={pixel_format}"),
            *("-c:v", codec, "-color_trc", transfer, "-color_primaries", "bt2020"),
            *(
                "-colorspace",
                "bt2020nc",
                "-color_range",
                "tv",
                *(["-crf", "4"] * (codec[0] == "l")),
            ),
            path,
        ],
        check=True,
        input=bars().tobytes(),
    )
    with decode.sample(path, fps=1) as frames:
        rgb = next(frames).rgb
    tiles = rgb.reshape(4, TILE, 4, TILE, 3)[:, 12:-12, :, 12:-12]
    seen = np.median(tiles, axis=(1, 3)).reshape(-1, 3)
    assert np.abs(seen - np.array(BARS)).max() <= 16


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_highlights_are_rolled_off_and_never_clipped(transfer: int) -> None:
    """Grey from black to the peak: always brighter, white of SDR is 0.9 of white, the peak is 1."""
    levels = np.linspace(0, 1, 500)
    grey = sdr_colours(np.stack([levels] * 3, axis=-1), ColourTags(transfer, BT2020))
    assert np.abs(grey - grey[:, :1]).max() < 1e-3
    assert (np.diff(grey[:, 0]) > 0).all()
    assert grey[-1, 0] == pytest.approx(1, abs=1e-3)
    white = np.interp(0.58069 if transfer == PQ else 0.74988, levels, grey[:, 0])
    assert white == pytest.approx(0.9 ** (1 / 2.4), abs=2e-3)


def test_formulas_give_the_values_of_the_standards() -> None:
    """BT.2408, table 1: grey of 18 % is 26 cd/m2, 38 % of either signal."""
    for transfer, signal, nits in (
        (PQ, 0.3795, 26.0),
        (HLG, 0.3795, 26.0),
        (PQ, 0.5081, 100.0),
    ):
        (grey,) = sdr_colours(np.full((1, 3), signal), ColourTags(transfer, BT709))
        assert grey[0] ** 2.4 * 203 == pytest.approx(nits, rel=0.02)


@pytest.mark.parametrize("primaries", [1, 2, 9, 12])
@pytest.mark.parametrize("transfer", [PQ, HLG, BT709])
def test_tables_are_the_formulas(transfer: int, primaries: int) -> None:
    tags = ColourTags(transfer, primaries)
    dice = np.random.default_rng(3)
    height, width = 70, 501
    levels = dice.integers(0, 1 << 16, (height, width, 3))
    levels[:30] = levels[:30] * dice.random((30, width, 1))  # dark ones, too
    frame = av.VideoFrame(width, height, MAPPED_FORMAT)
    for plane, channel in zip(frame.planes, (1, 2, 0), strict=True):
        rows = np.zeros((height, plane.line_size // 2), "<u2")
        rows[:, :width] = levels[..., channel]
        plane.update(rows.tobytes())
    rgb = ToneMapper(tags)(frame)
    want = np.rint(sdr_colours(levels.reshape(-1, 3) / 65535, tags) * 255).reshape(rgb.shape)
    assert np.abs(rgb - want).max() <= 1
    assert rgb.flags.c_contiguous


def test_sdr_is_left_alone() -> None:
    assert not any(ColourTags(transfer, 1).needs_mapping for transfer in (1, 2, 6, 13, 14, 15))
    assert ColourTags(1, BT2020).needs_mapping
    assert ColourTags(HLG, 2).needs_mapping
