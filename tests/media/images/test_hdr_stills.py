"""HDR stills against the SDR they were made from."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.media.images import read_image
from tests.media.test_hdr import BARS, HLG, PQ, TILE, ZSCALE, bars

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

FFMPEG = shutil.which("ffmpeg") or ""
BT2020 = 9


def encoded(light: Floats, transfer: int) -> Floats:
    """BT.2100, tables 4 and 5: the signal, 0..1, of light of which 1 is white of SDR."""
    nits = light * 203
    if transfer == PQ:
        power = (nits / 10_000) ** 0.1593017578125
        return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)
    scene = (nits / 1000) ** (1 / 1.2)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    )


def png(path: Path, samples: npt.NDArray[np.uint16], colours: bytes, *, bits: int = 16) -> Path:
    """Write a PNG with the chunk cICP, by hand."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    height, width = samples.shape[:2]
    rows = samples.astype(">u2") if bits == 16 else samples.astype(np.uint8)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0))
        + chunk(b"cICP", colours)
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_png_says_that_it_is_hdr_by_cicp(transfer: int, bits: int, tmp_path: Path) -> None:
    """With primaries of BT.709, so that the transfer alone is looked at."""
    sdr = bars()
    signal = encoded((sdr / 255) ** 2.4, transfer)
    samples = np.rint(signal * ((1 << bits) - 1)).astype(np.uint16)
    path = png(tmp_path / "a.png", samples, bytes([1, transfer, 0, 1]), bits=bits)
    seen = read_image(path).astype(int)
    is_below_the_knee = sdr.max(axis=-1) < 230
    tolerance = 2 if bits == 16 else 8
    assert np.abs(seen - sdr)[is_below_the_knee].max() <= tolerance


def test_wide_primaries_of_a_png(tmp_path: Path) -> None:
    """BT.2087: white stays white; the green of BT.2020 is outside of BT.709 and clipped."""
    colours = np.array([[[255, 255, 255], [0, 255, 0], [128, 128, 128]]], np.uint16)
    path = png(tmp_path / "a.png", colours, bytes([BT2020, 1, 0, 1]), bits=8)
    ((white, green, grey),) = read_image(path).tolist()
    assert white == [255, 255, 255]
    assert green == [0, 255, 0]
    assert grey == [128, 128, 128]


def test_a_png_of_sdr_stays_as_it_is(tmp_path: Path) -> None:
    sdr = bars()
    path = png(tmp_path / "a.png", sdr.astype(np.uint16), bytes([1, 13, 0, 1]), bits=8)
    assert np.array_equal(read_image(path), sdr)


@pytest.mark.skipif(not ZSCALE, reason="no ffmpeg program with zscale here")
@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_avif(transfer: str, tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    size = f"{4 * TILE}x{4 * TILE}"
    zscale = f"zscale=tin=bt709:pin=bt709:min=gbr:rin=full:t={transfer}:p=bt2020:m=bt2020nc"
    done = subprocess.run(
        [
            *(FFMPEG, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-i", "-"),
            *("-vf", f"{zscale}:r=limited:npl=203,format=yuv420p10le", "-frames:v", "1"),
            *("-c:v", "libaom-av1", "-still-picture", "1", "-crf", "4", "-cpu-used", "6"),
            *("-color_trc", transfer, "-color_primaries", "bt2020", "-colorspace", "bt2020nc"),
            *("-color_range", "tv", path),
        ],
        input=bars().tobytes(),
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        pytest.skip("this ffmpeg program writes no AVIF")
    tiles = read_image(path).reshape(4, TILE, 4, TILE, 3)[:, 12:-12, :, 12:-12]
    seen = np.median(tiles, axis=(1, 3)).reshape(-1, 3)
    assert np.abs(seen - np.array(BARS)).max() <= 16
