"""Crop and orientation against the definition of the matrix and the `ffmpeg` program."""

from __future__ import annotations

import io
import itertools
import math
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageOps

from common_ml.media import decode
from common_ml.media.geometry import Crop, Orientation, matrix_orientation
from common_ml.media.probe import probe
from tests.media import recipes
from tests.media.recipes import Video

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Rgb = npt.NDArray[np.uint8]

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg program here")
EIGHT = [
    (a, b, c, d)
    for a, b, c, d in itertools.product((-1, 0, 1), repeat=4)
    if abs(a * d - b * c) == 1 and abs(a) + abs(b) == 1 and abs(c) + abs(d) == 1
]
PICTURE = np.random.default_rng(5).integers(0, 256, (3, 4, 3), np.uint8)


def matrix(a: float, b: float, c: float, d: float) -> tuple[int, ...]:
    a, b, c, d = (round(value * 65536) for value in (a, b, c, d))
    return int(a), int(b), 0, int(c), int(d), 0, 0, 0, 1 << 30


def moved(rgb: Rgb, a: int, b: int, c: int, d: int) -> Rgb:
    """Each pixel (p, q) goes to (a p + c q, b p + d q), and all of them back to the origin."""
    height, width = rgb.shape[:2]
    points = {(a * p + c * q, b * p + d * q): (q, p) for p in range(width) for q in range(height)}
    left, top = min(x for x, _ in points), min(y for _, y in points)
    shape = (width, height) if a == 0 else (height, width)
    result = np.zeros((*shape, 3), np.uint8)
    for (x, y), place in points.items():
        result[y - top, x - left] = rgb[place]
    return result


@pytest.mark.parametrize("numbers", EIGHT)
def test_each_pixel_goes_where_the_matrix_says(numbers: tuple[int, int, int, int]) -> None:
    orientation = matrix_orientation(matrix(*numbers))
    assert np.array_equal(orientation.upright(PICTURE), moved(PICTURE, *numbers))


@pytest.mark.parametrize("numbers", EIGHT)
@pytest.mark.parametrize("degrees", [-40, -2, 2, 40])
def test_an_angle_is_rounded_to_the_nearest_quarter(
    numbers: tuple[int, int, int, int], degrees: float
) -> None:
    a, b, c, d = numbers
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turned = a * cos - b * sin, a * sin + b * cos, c * cos - d * sin, c * sin + d * cos
    assert matrix_orientation(matrix(*turned)) == matrix_orientation(matrix(*numbers))


@pytest.mark.parametrize("numbers", EIGHT)
def test_sides_may_be_scaled(numbers: tuple[int, int, int, int]) -> None:
    """A pixel aspect ratio of 4:3 in the matrix turns nothing."""
    a, b, c, d = numbers
    scaled = matrix_orientation(matrix(a * 4 / 3, b, c * 4 / 3, d))
    assert scaled == matrix_orientation(matrix(*numbers))


def test_a_matrix_without_extent_turns_nothing() -> None:
    assert matrix_orientation((0,) * 9) == Orientation()


@needs_ffmpeg
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("numbers", EIGHT)
def test_files_are_shown_as_the_program_shows_them(
    numbers: tuple[int, int, int, int], suffix: str, tmp_path: Path
) -> None:
    """The track header of MP4; a display orientation SEI in Matroska."""
    path = tmp_path / f"a{suffix}"
    recipes.write(path, Video(options={"crf": "20"}, num_frames=3))
    if suffix == ".mp4":
        data = bytearray(path.read_bytes())
        at = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
        struct.pack_into(">9i", data, at, *matrix(*numbers))
        path.write_bytes(data)
    else:
        orientation = matrix_orientation(matrix(*numbers))
        flip = ":flip=horizontal" if orientation.is_mirrored else ""
        sei = f"display_orientation=insert:rotate={90 * orientation.quarter_turns}{flip}"
        turned = path.with_name("turned.mkv")
        ffmpeg("-i", path, "-c", "copy", "-bsf:v", f"h264_metadata={sei}", turned)
        path = turned
    with decode.sample(path, fps=1) as frames:
        rgb = next(frames).rgb
    raw = ffmpeg("-i", path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    want = np.frombuffer(raw, np.uint8).reshape(rgb.shape)
    assert np.abs(rgb.astype(int) - want).mean() < 4  # a wrong turn differs by 60 and more
    video = probe(path).video
    assert video is not None
    assert (video.height, video.width) == rgb.shape[:2]


def ffmpeg(*arguments: str | Path) -> bytes:
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


@needs_ffmpeg
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_crops_of_the_bitstream_are_exact(codec: str, tmp_path: Path) -> None:
    """FFmpeg leaves a crop at the left away where it would cost it aligned memory."""
    whole, cropped = tmp_path / "a.mp4", tmp_path / "b.mp4"
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    recipes.write(whole, Video(codec=codec, options={"crf": "20", **quiet}, num_frames=3))
    name = {"libx264": "h264", "libx265": "hevc"}[codec]
    crop = f"{name}_metadata=crop_left=10:crop_top=6:crop_right=4:crop_bottom=2"
    ffmpeg("-i", whole, "-c", "copy", "-bsf:v", crop, cropped)
    for strategy in ("auto", "sequential"):
        with decode.sample(whole, fps=None) as frames:
            want = [frame.rgb[6:-2, 10:-4] for frame in frames]
        with decode.sample(cropped, fps=None, strategy=strategy) as frames:
            got = [frame.rgb for frame in frames]
        assert [rgb.shape for rgb in got] == [rgb.shape for rgb in want]
        # chroma at the edges is interpolated from other neighbours
        for one, other in zip(got, want, strict=True):
            assert np.array_equal(one[2:-2, 2:-2], other[2:-2, 2:-2])


def test_a_crop_that_leaves_nothing_is_passed_over() -> None:
    assert np.array_equal(Crop(left=2, right=2).apply(PICTURE), PICTURE)
    assert np.array_equal(Crop(1, 1, 1, 0).apply(PICTURE), PICTURE[1:, 1:-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_with_exif_in_a_video_are_upright(orientation: int, tmp_path: Path) -> None:
    """FFmpeg attaches EXIF to them, of which PyAV knows nothing, and a matrix beside it."""
    corners = np.zeros((48, 64, 3), np.uint8)
    corners[:24, :32, 0] = corners[:24, 32:, 1] = corners[24:, :32, 2] = 255
    exif = Image.Exif()
    exif[0x112] = orientation
    jpeg = io.BytesIO()
    picture = Image.fromarray(corners)
    picture.save(jpeg, "JPEG", quality=95, subsampling=0, exif=exif)
    path = tmp_path / "a.mjpeg"
    path.write_bytes(jpeg.getvalue() * 3)

    (*_, last) = decode.sample(path, fps=None)

    picture.getexif()[0x112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(picture), np.int16)
    assert last.rgb.shape == upright.shape
    assert np.abs(last.rgb - upright).mean() < 3
