"""Where cv2 cannot be imported, as on slim images without libGL, FFmpeg reads pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common_ml.errors import DecodeError
from common_ml.media.images import jpeg_bytes, opencv, read_image, write_image
from tests.media.images.made_pictures import RGB, exif

WRITTEN: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {}, "GIF": {}, "BMP": {}, "TIFF": {}, "PPM": {}, "JPEG2000": {},
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}  # fmt: skip


@pytest.fixture
def _no_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencv, "module", lambda: None)


@pytest.mark.usefixtures("_no_opencv")
class TestByFFmpeg:
    @pytest.mark.parametrize("kind", WRITTEN)
    def test_every_common_format_is_read(self, tmp_path: Path, kind: str) -> None:
        image = Image.fromarray(RGB)
        path = tmp_path / f"picture.{kind.lower()}"
        image.save(path, kind, **WRITTEN[kind])
        with Image.open(path) as reference:
            want = np.asarray(reference.convert("RGB")).astype(int)
        assert np.abs(read_image(path) - want).max() <= 3

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_orientation_is_applied_once(self, tmp_path: Path, kind: str, orientation: int) -> None:
        path = tmp_path / f"picture.{kind.lower()}"
        options: dict[str, Any] = {"exif": exif(orientation, kind="SHORT", order="<")}
        if kind == "TIFF":
            options = {"tiffinfo": {0x0112: orientation}}
        Image.fromarray(RGB).save(path, kind, **WRITTEN[kind], **options)
        got = read_image(path)
        transposed = orientation >= 5
        assert got.shape == ((64, 48, 3) if transposed else (48, 64, 3))
        assert np.abs(got - by_pillow(path)).max() <= 3

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000"])
    @pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
    def test_half_a_file_is_an_error(self, tmp_path: Path, kind: str, share: float) -> None:
        path = tmp_path / f"picture.{kind.lower()}"
        noise = np.random.default_rng(2).integers(0, 256, (100, 150, 3), np.uint8)
        Image.fromarray(noise).save(path, kind)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        with pytest.raises(DecodeError):
            read_image(path)

    def test_an_animation_gives_its_first_picture(self, tmp_path: Path) -> None:
        for kind in ("WEBP", "GIF", "PNG"):
            path = tmp_path / f"picture.{kind.lower()}"
            images = [Image.fromarray(np.roll(RGB, 9 * n, 1)).quantize(50) for n in range(3)]
            options = {"lossless": True} if kind == "WEBP" else {}
            images[0].save(path, kind, save_all=True, append_images=images[1:], **options)
            want = np.asarray(images[0].convert("RGB")).astype(int)
            assert np.abs(read_image(path) - want).max() == 0

    def test_what_ffmpeg_cannot_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "picture.tif"
        grey = Image.fromarray(RGB.astype(np.float32)[..., 0])
        grey.save(path, "TIFF", compression="tiff_lzw")
        with pytest.raises(DecodeError, match=r"not supported: TIFF with samples that .* without"):
            read_image(path)

    def test_pictures_are_written(self, tmp_path: Path) -> None:
        for pixels in (RGB, np.ascontiguousarray(RGB[..., 0])):
            write_image(tmp_path / "a.png", pixels)
            with Image.open(tmp_path / "a.png") as image:
                assert (np.asarray(image) == pixels).all()
            write_image(tmp_path / "a.jpg", pixels)
            with Image.open(tmp_path / "a.jpg") as image:
                got = np.asarray(image.convert("RGB")).astype(int)
            assert np.abs(got - pixels.reshape(48, 64, -1)).mean() < 4
        assert jpeg_bytes(RGB, 32).startswith(b"\xff\xd8\xff")


def by_pillow(path: Path) -> Any:
    from PIL import ImageOps

    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(int)


PROGRAM = """
import logging, sys
logging.basicConfig(format="%(levelname)s %(message)s")
from common_ml.media.images import read_image
for path in sys.argv[1:]:
    print(read_image(path).shape)
"""


def test_one_warning_names_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """A `cv2` that fails as the real one does without libGL."""
    (tmp_path / "cv2").mkdir()
    error = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "cv2/__init__.py").write_text(f"raise ImportError({error!r})")
    Image.fromarray(RGB).save(tmp_path / "a.png")
    Image.fromarray(RGB).save(tmp_path / "b.jpg")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "a.png", "b.jpg"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{Path.cwd()}"},
    )  # fmt: skip
    assert done.stdout == "(48, 64, 3)\n" * 2
    assert done.stderr == (
        f"WARNING OpenCV cannot be loaded ({error}): FFmpeg reads pictures instead; hint: install"
        " libGL (apt-get install libgl1), or opencv-python-headless in place of opencv-python\n"
    )
