"""Colours against the formulas of the standards, computed in floats from patches of one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import numpy.typing as npt
import pytest

from common_ml.media import decode
from common_ml.media.frame_size import FrameSize
from common_ml.media.video.colour import RgbConverter
from tests.media import recipes

if TYPE_CHECKING:
    from pathlib import Path

Floats = npt.NDArray[np.float64]

LUMA_SHARES = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
"""AVColorSpace -> share of red and of blue in the luma."""
UNTAGGED, LIMITED, FULL = 0, 1, 2
PATCH = 16
TOLERANCE = 3
"""Levels: swscale computes in integers, and rounds chroma and luma by themselves."""


def patches(
    name: str, *, colorspace: int, color_range: int, width: int = 96, height: int = 64
) -> tuple[av.VideoFrame, list[Floats]]:
    """A frame of patches, and its planes at full size, in 8-bit levels."""
    dice = np.random.default_rng(7)
    frame = av.VideoFrame(width, height, name)
    depth = frame.format.components[0].bits
    planes = []
    for number, plane in enumerate(frame.planes):
        low, high = (0, 256) if color_range == FULL else (16, 236 if number == 0 else 241)
        levels = dice.integers(low, high, (height // PATCH, width // PATCH))
        big = np.kron(levels, np.ones((PATCH, PATCH), int))
        kind = np.dtype("u1" if depth == 8 else "<u2")
        rows = np.zeros((plane.height, plane.line_size // kind.itemsize), kind)
        stored = big * 2 ** (depth - 8)
        # full range ends at the highest value: 1023 of 10 bits, not 255 * 4
        if color_range == FULL and number == 0:
            stored = np.rint(big * (2**depth - 1) / 255).astype(int)
        rows[:, : plane.width] = stored[:: height // plane.height, :: width // plane.width]
        plane.update(rows.tobytes())
        planes.append(big.astype(np.float64))
    frame.colorspace, frame.color_range = colorspace, color_range
    return frame, planes


def by_formula(planes: list[Floats], shares: tuple[float, float], *, full: bool) -> Floats:
    y, cb, cr = planes
    if not full:
        y, cb, cr = (y - 16) * 255 / 219, (cb - 128) * 255 / 224, (cr - 128) * 255 / 224
    else:
        cb, cr = cb - 128, cr - 128
    k_red, k_blue = shares
    red, blue = y + 2 * (1 - k_red) * cr, y + 2 * (1 - k_blue) * cb
    green = (y - k_red * red - k_blue * blue) / (1 - k_red - k_blue)
    return np.clip(np.rint(np.stack([red, green, blue], axis=-1)), 0, 255)


def inner(image: npt.NDArray[np.generic]) -> Floats:
    """The middles of the patches, where no interpolation of chroma reaches."""
    rows = np.arange(image.shape[0]) % PATCH
    columns = np.arange(image.shape[1]) % PATCH
    kept = image[(rows > 4) & (rows < 11)][:, (columns > 4) & (columns < 11)]
    return kept.astype(np.float64)


def assert_close(frame: av.VideoFrame, expected: Floats, tolerance: int = TOLERANCE) -> None:
    rgb = RgbConverter()(frame)
    assert rgb.dtype == np.uint8
    assert rgb.shape == (frame.height, frame.width, 3)
    assert np.abs(inner(rgb) - inner(expected)).max() <= tolerance


@pytest.mark.parametrize("colorspace", LUMA_SHARES)
@pytest.mark.parametrize("color_range", [UNTAGGED, LIMITED, FULL])
@pytest.mark.parametrize(
    "name",
    ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le"],
)
def test_matrix_and_range_are_those_that_are_declared(
    name: str, color_range: int, colorspace: int
) -> None:
    frame, planes = patches(name, colorspace=colorspace, color_range=color_range)
    expected = by_formula(planes, LUMA_SHARES[colorspace], full=color_range == FULL)
    assert_close(frame, expected)


@pytest.mark.parametrize(
    ("width", "height", "declared_like"),
    [(720, 576, 5), (960, 544, 5), (1280, 528, 1), (1280, 720, 1), (416, 720, 1), (1920, 1088, 1)],
)
def test_untagged_pictures_are_bt709_if_hd_and_bt601_if_not(
    width: int, height: int, declared_like: int
) -> None:
    frame, planes = patches("yuv420p", colorspace=2, color_range=0, width=width, height=height)
    assert_close(frame, by_formula(planes, LUMA_SHARES[declared_like], full=False))


@pytest.mark.parametrize("name", ["yuvj420p", "yuvj422p", "yuvj444p"])
def test_jpeg_formats_are_full_range_whatever_is_declared(name: str) -> None:
    frame, planes = patches(name, colorspace=5, color_range=FULL)
    frame.color_range = UNTAGGED
    assert_close(frame, by_formula(planes, LUMA_SHARES[5], full=True))


@pytest.mark.parametrize("colorspace", [0, 1, 2])
@pytest.mark.parametrize("color_range", [UNTAGGED, LIMITED, FULL])
@pytest.mark.parametrize("name", ["rgb24", "bgr24", "gbrp", "rgba", "bgr0", "rgb48le", "gbrp10le"])
def test_rgb_stays_as_it_is(name: str, color_range: int, colorspace: int) -> None:
    image = np.random.default_rng(3).integers(0, 256, (48, 70, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format=name)
    frame.colorspace, frame.color_range = colorspace, color_range
    assert np.abs(RgbConverter()(frame).astype(int) - image).max() <= 1


@pytest.mark.parametrize("name", ["gray", "gray10le"])
@pytest.mark.parametrize("color_range", [LIMITED, FULL])
def test_grey_is_of_the_declared_range(name: str, color_range: int) -> None:
    frame, (y,) = patches(name, colorspace=2, color_range=color_range)
    grey = y if color_range == FULL else np.clip(np.rint((y - 16) * 255 / 219), 0, 255)
    assert_close(frame, np.stack([grey] * 3, axis=-1), tolerance=1)


def test_the_result_belongs_to_the_caller() -> None:
    """Also of a picture that is RGB already, which is not converted at all."""
    image = np.full((8, 64, 3), 9, np.uint8)  # rows of 192 bytes: nothing is padded
    frame = av.VideoFrame.from_ndarray(image, "rgb24")
    frame.color_range = FULL
    convert = RgbConverter()
    rgb = convert(frame)
    rgb[:] = 200
    assert np.array_equal(convert(frame), image)
    assert rgb.flags.c_contiguous


def test_rows_are_dense_whatever_the_width() -> None:
    for width in (1, 2, 33, 131, 1366):
        image = np.random.default_rng(width).integers(0, 256, (5, width, 3), dtype=np.uint8)
        rgb = RgbConverter()(av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="gbrp"))
        assert np.array_equal(rgb, image)
        assert rgb.flags.c_contiguous
        assert rgb.flags.writeable


@pytest.mark.parametrize(
    ("size", "max_size", "expected"),
    [
        ((1920, 1080), 640, (640, 360)),
        ((1080, 1920), 640, (360, 640)),
        ((64, 48), 640, (64, 48)),
        ((640, 2), 16, (16, 1)),
        ((133, 77), 100, (100, 58)),
    ],
)
def test_the_longer_side_is_at_most_max_size(
    size: tuple[int, int], max_size: int, expected: tuple[int, int]
) -> None:
    frame = av.VideoFrame(*size, "yuv420p")
    convert = RgbConverter(max_size=max_size)
    rgb = convert(frame)
    assert (rgb.shape[1], rgb.shape[0]) == expected
    assert convert.num_bytes(frame) == rgb.nbytes


def test_scaling_averages() -> None:
    """A fine checkerboard becomes grey, not one of its colours."""
    board = (np.indices((128, 128)).sum(axis=0) % 2 * 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(np.stack([board] * 3, axis=-1), "rgb24")
    rgb = RgbConverter(max_size=32)(frame)
    assert np.abs(rgb.astype(int) - 128).max() <= 2


DEEP = [
    *("yuv420p9le", "yuv420p10le", "yuv422p12le", "yuv444p14le", "yuv444p16le", "p010le"),
    *("gbrp9le", "gbrp12le", "gbrp14le", "gbrp16le", "rgb48le", "bgr48be", "rgba64le"),
]


@pytest.mark.parametrize("name", DEEP)
def test_pictures_are_scaled_by_their_own_depth(name: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 128).astype(np.uint8)[None, :, None], (16, 1, 3))
    frame = av.VideoFrame.from_ndarray(ramp, "rgb24").reformat(format=name, dst_colorspace=5)
    got = RgbConverter()(frame).astype(int)
    assert np.abs(got - ramp).max() <= 3


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 16])
def test_greys_are_scaled_by_their_own_depth(bits: int) -> None:
    """Written as numbers: FFmpeg before 8 makes greys of limited range from RGB."""
    share = np.tile(np.linspace(0, 1, 128), (16, 1))
    frame = av.VideoFrame(128, 16, f"gray{bits}le")
    (plane,) = frame.planes
    rows = np.zeros((16, plane.line_size // 2), np.uint16)
    rows[:, :128] = np.round(share * (2**bits - 1))
    plane.update(rows.tobytes())
    got = RgbConverter()(frame)
    assert np.abs(got - 255 * share[..., np.newaxis]).max() <= 1.5


@pytest.mark.parametrize(
    "name", ["rgba", "argb", "bgra", "rgba64le", "gbrap", "gbrap12le", "yuva420p", "yuva444p10le"]
)
def test_alpha_is_dropped_and_never_multiplied(name: str) -> None:
    """Fully transparent, yet of a colour."""
    pixels = np.full((16, 32, 4), (200, 120, 40, 0), np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, "rgba").reformat(format=name, dst_colorspace=5)
    assert np.abs(RgbConverter()(frame).astype(int) - (200, 120, 40)).max() <= 3


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("name", ["rgb565", "bgr565", "rgb555", "bgr555"])
def test_pixels_of_two_bytes_in_either_order(name: str, order: str) -> None:
    """5 bits a colour, 6 for green in 565, scaled to 0..255."""
    frame = av.VideoFrame(40, 24, name + order)
    (plane,) = frame.planes
    words = np.frombuffer(memoryview(plane), ">u2" if order == "be" else "<u2")
    words[:] = np.random.default_rng(3).integers(0, 1 << (16 if "565" in name else 15), len(words))
    pixels = words.astype(np.float64).reshape(24, -1)[:, :40].astype(np.int64)

    green_bits = 6 if "565" in name else 5
    high, low = pixels >> 5 + green_bits & 31, pixels & 31
    red, blue = (high, low) if name.startswith("rgb") else (low, high)
    green = pixels >> 5 & (1 << green_bits) - 1
    wanted = np.stack([red * 255 / 31, green * 255 / ((1 << green_bits) - 1), blue * 255 / 31], -1)

    assert np.abs(RgbConverter()(frame) - wanted).max() <= 5


@pytest.mark.parametrize(("frame_size", "most"), [(None, 0), (FrameSize(40, 24), 1)])
def test_the_mark_of_interlaced_pictures_changes_nothing(
    frame_size: FrameSize | None, most: float, tmp_path: Path
) -> None:
    """Without loss, both films hold the same planes; where chroma is, only one of them says."""
    films = []
    for name, params in (("progressive", "qp=0"), ("marked", "qp=0:tff=1")):
        path = tmp_path / f"{name}.mkv"
        options = {"preset": "ultrafast", "x264-params": params}
        recipes.write(path, recipes.Video(options=options, num_frames=3))
        films.append([f.rgb for f in decode.sample(path, fps=None, frame_size=frame_size)])
    with av.open(str(tmp_path / "marked.mkv")) as container:
        assert next(container.decode(video=0)).interlaced_frame
    plain, marked = (np.array(film, np.int16) for film in films)
    assert np.abs(plain - marked).mean() <= most
