from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from common_ml.media.images import jpeg_bytes, read_image, write_image, write_png

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

RANDOM = np.random.default_rng(3)
RGB = RANDOM.integers(0, 256, (21, 30, 3), np.uint8)
ROWS, COLUMNS = np.mgrid[0:200, 0:300]
SMOOTH = np.stack([COLUMNS * 255 // 300, ROWS * 255 // 200, ROWS + COLUMNS >> 1], -1).astype(
    np.uint8
)


@pytest.mark.parametrize("pixels", [RGB, RGB[..., 0]])
def test_a_png_holds_the_same_pixels(tmp_path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    write_png(tmp_path / "a", pixels)
    write_image(tmp_path / "a.png", pixels)
    for name in ("a", "a.png"):
        with Image.open(tmp_path / name) as image:
            assert (np.asarray(image) == pixels).all()
        assert (read_image(tmp_path / name) == pixels.reshape(*pixels.shape[:2], -1)).all()


def test_a_jpeg_is_close(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", SMOOTH)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - SMOOTH).max() < 12


def test_jpeg_bytes_are_scaled_down_by_averaging() -> None:
    with Image.open(io.BytesIO(jpeg_bytes(SMOOTH, 100, quality=95))) as image:
        assert image.size == (100, 67)
        means = np.asarray(image.convert("RGB")).mean((0, 1))
    assert np.abs(means - SMOOTH.mean((0, 1))).max() < 2


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2), np.uint16), np.zeros((0, 2), np.uint8)]
)
def test_what_is_not_a_picture_is_refused(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(ValueError, match="pixels must"):
        write_png(tmp_path / "a.png", bad)
    assert not (tmp_path / "a.png").exists()


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path must end in .png or .jpg, got '.gif'"):
        write_image(tmp_path / "a.gif", RGB)
