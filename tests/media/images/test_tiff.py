"""TIFF layouts, written by tifffile, against the pixels that were put in."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.errors import DecodeError
from common_ml.media.images import read_image
from tests.media.images.made_pictures import ALPHA, RGB, RGB_16, eight_bits

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

tifffile: Any = pytest.importorskip("tifffile", reason="the reference is not installed")
pytest.importorskip("imagecodecs", reason="tifffile compresses with it")

GREY, GREY_16 = RGB[..., 0], RGB_16[..., 0]
WANT, WANT_16 = RGB.astype(int), eight_bits(RGB_16, 65535)


def tiff(pixels: npt.NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def read(directory: Path, data: bytes) -> npt.NDArray[np.int16]:
    path = directory / "picture.tif"
    path.write_bytes(data)
    return read_image(path).astype(np.int16)


def assert_close(got: Any, want: Any, within: int = 0) -> None:
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= within


def planes(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.moveaxis(pixels, -1, 0)


COMPRESSIONS = [None, "zlib", "lzw", "packbits", "lzma", "jpeg2000"]
LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (16, 16)},
    "large tiles": {"tile": (64, 96)},
    "BigTIFF": {"bigtiff": True},
    "big-endian": {"byteorder": ">"},
    "predicted": {"predictor": True},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_compression_in_every_layout(
    tmp_path: Path, compression: str | None, layout: str
) -> None:
    if layout == "predicted" and compression not in {"zlib", "lzw", "lzma"}:
        pytest.skip("it has no predictor")
    if layout == "big-endian" and compression == "jpeg2000":
        pytest.skip("tifffile swaps the bytes before it compresses, and cannot read it itself")
    options = {"compression": compression, **LAYOUTS[layout]}
    cases: list[tuple[Any, Any, dict[str, Any]]] = [
        (RGB, WANT, {"photometric": "rgb"}),
        (RGB_16, WANT_16, {"photometric": "rgb"}),
        (GREY_16, eight_bits(GREY_16, 65535), {"photometric": "minisblack"}),
        (planes(RGB), WANT, {"photometric": "rgb", "planarconfig": "separate"}),
        (planes(RGB_16), WANT_16, {"photometric": "rgb", "planarconfig": "separate"}),
    ]
    for pixels, want, more in cases:
        assert_close(read(tmp_path, tiff(pixels, **options, **more)), want)


def test_webp_inside(tmp_path: Path) -> None:
    for layout in ({"rowsperstrip": 16}, {"tile": (16, 32)}):
        data = tiff(
            RGB, photometric="rgb", compression="webp", compressionargs={"lossless": True}, **layout
        )
        assert_close(read(tmp_path, data), WANT)


@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_white_is_zero(tmp_path: Path, bits: int, compression: str | None) -> None:
    pixels, want = {
        1: (GREY < 100, np.dstack([(GREY >= 100) * 255] * 3)),
        8: (255 - GREY, np.dstack([GREY] * 3).astype(int)),
        16: (65535 - GREY_16, eight_bits(GREY_16, 65535)),
    }[bits]
    if bits == 1 and compression:
        pytest.skip("tifffile does not write it")
    data = tiff(pixels, photometric="miniswhite", compression=compression)
    assert_close(read(tmp_path, data), want)


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha", "unspecified"])
@pytest.mark.parametrize("layout", ["contig", "separate"])
@pytest.mark.parametrize("bits", [8, 16])
def test_alpha_is_dropped_and_never_multiplied(
    tmp_path: Path, kind: str, layout: str, bits: int
) -> None:
    alpha = ALPHA if bits == 8 else ALPHA.astype(np.uint16) * 257
    pixels = np.dstack([RGB if bits == 8 else RGB_16, alpha])
    data = tiff(
        planes(pixels) if layout == "separate" else pixels,
        photometric="rgb", extrasamples=[kind], compression="lzw",
        planarconfig=layout,
    )  # fmt: skip
    assert_close(read(tmp_path, data), WANT if bits == 8 else WANT_16)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_point(tmp_path: Path, dtype: Any) -> None:
    data = tiff((GREY / 255).astype(dtype), photometric="minisblack")
    assert_close(read(tmp_path, data), np.dstack([GREY] * 3).astype(int))


def test_floating_point_in_planes(tmp_path: Path) -> None:
    pixels = planes((RGB / 255).astype(np.float32))
    assert_close(read(tmp_path, tiff(pixels, photometric="rgb", planarconfig="separate")), WANT)


@pytest.mark.parametrize(
    ("compression", "name"),
    [
        ("zstd", "Zstandard"),
        ("jpegxl", "JPEG XL"),
        ("jpegxr", "JPEG XR"),
        ("lerc", "LERC"),
        ("png", "PNG"),
    ],
)
def test_a_compression_that_no_decoder_knows_is_named(
    tmp_path: Path, compression: str, name: str
) -> None:
    data = tiff(RGB, photometric="rgb", compression=compression)
    with pytest.raises(DecodeError, match=f"not supported: TIFF with {name} compression;"):
        read(tmp_path, data)


def test_many_samples_are_named(tmp_path: Path) -> None:
    data = tiff(np.dstack([RGB, RGB]), photometric="minisblack", planarconfig="contig")
    with pytest.raises(DecodeError, match=r"not supported: TIFF with 6 samples a pixel;"):
        read(tmp_path, data)


def test_a_thumbnail_before_the_picture_is_passed_over(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(RGB[::4, ::4], photometric="rgb", subfiletype=1)
        writer.write(RGB, photometric="rgb", subfiletype=0)
    assert_close(read(tmp_path, file.getvalue()), WANT)


def test_the_first_of_several_pages(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(RGB, photometric="rgb", subfiletype=2)
        writer.write(RGB[::-1], photometric="rgb", subfiletype=2)
    assert_close(read(tmp_path, file.getvalue()), WANT)


def test_a_dng_is_not_its_thumbnail(tmp_path: Path) -> None:
    """IFD 0 is a reduced picture, sensor data stand in a directory below it."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        version = (50706, "B", 4, b"\1\4\0\0", True)
        writer.write(
            RGB[::4, ::4], photometric="rgb", subfiletype=1, subifds=1, extratags=[version]
        )
        writer.write(GREY_16, photometric="cfa", subfiletype=0)
    with pytest.raises(DecodeError, match=r"not supported: camera raw \(DNG\);"):
        read(tmp_path, file.getvalue())


def test_a_file_that_is_cut_is_damaged(tmp_path: Path) -> None:
    for options in ({"planarconfig": "separate"}, {"compression": "lzma"}, {"tile": (16, 16)}):
        pixels = planes(RGB_16) if "planarconfig" in options else RGB_16
        data = tiff(pixels, photometric="rgb", **options)
        for share in (0.3, 0.6, 0.9):
            with pytest.raises(DecodeError):
                read(tmp_path, data[: int(len(data) * share)])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [3, 4])
def test_orientation_as_short_and_as_long(tmp_path: Path, kind: int, orientation: int) -> None:
    upright = {
        1: RGB, 2: RGB[:, ::-1], 3: np.rot90(RGB, 2), 4: RGB[::-1],
        5: RGB.transpose(1, 0, 2), 6: np.rot90(RGB, -1),
        7: np.rot90(RGB, 2).transpose(1, 0, 2), 8: np.rot90(RGB),
    }[orientation]  # fmt: skip
    tag = (274, kind, 1, orientation, True)
    for pixels, options in ((RGB, {}), (planes(RGB_16), {"planarconfig": "separate"})):
        data = tiff(pixels, photometric="rgb", extratags=[tag], **options)
        got = read(tmp_path, data)
        assert got.shape == upright.shape
        if not options:
            assert_close(got, upright.astype(int))


def test_directories_that_point_at_each_other_end(tmp_path: Path) -> None:
    data = bytearray(tiff(RGB, photometric="rgb"))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)
    assert_close(read(tmp_path, bytes(data)), WANT)
