"""TIFF samples of any depth and colours: against the numbers put in, and Little CMS by Pillow."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.media.images.made_pictures import ALPHA, RGB, RGB_16, eight_bits
from tests.media.images.test_tiff import assert_close, planes, read, tiff

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

GREY_16 = RGB_16[..., 0]
WANT = RGB.astype(int)
TURNED: dict[int, Any] = {
    1: lambda rgb: rgb, 2: lambda rgb: rgb[:, ::-1], 3: lambda rgb: np.rot90(rgb, 2),
    4: lambda rgb: rgb[::-1], 5: lambda rgb: rgb.transpose(1, 0, 2),
    6: lambda rgb: np.rot90(rgb, -1), 7: lambda rgb: np.rot90(rgb, 2).transpose(1, 0, 2),
    8: np.rot90,
}  # fmt: skip
"""EXIF's Orientation -> how what is stored is shown."""


def packed(samples: npt.NDArray[Any], bits: int) -> bytes:
    """Rows of samples of `bits` each, padded to whole bytes."""
    deep = samples.astype(">u2").reshape(*samples.shape, 1).view(np.uint8)
    each = np.unpackbits(deep, axis=-1)[..., 16 - bits :]
    return np.packbits(each.reshape(len(samples), -1), axis=1).tobytes()


def page(strips: list[bytes], tags: dict[int, list[int]]) -> bytes:
    """A TIFF file of one page; all values are SHORT, but for where the strips are."""
    height, width = RGB.shape[:2]
    tags = {256: [width], 257: [height], 259: [1], 278: [height], **tags}
    heap = b""
    table = {}
    for number, values in tags.items():
        body = struct.pack(f"<{len(values)}H", *values)
        at = 8 + sum(map(len, strips)) + len(heap)
        heap += body if len(body) > 4 else b""
        place = struct.pack("<I", at) if len(body) > 4 else body.ljust(4, b"\0")
        table[number] = struct.pack("<HHI", number, 3, len(values)) + place
    offsets = [8 + sum(map(len, strips[:n])) for n in range(len(strips))]
    for number, longs in ((273, offsets), (279, [*map(len, strips)])):
        at = 8 + sum(map(len, strips)) + len(heap)
        heap += struct.pack(f"<{len(longs)}I", *longs) if len(longs) > 1 else b""
        table[number] = struct.pack("<HHII", number, 4, len(longs), at if longs[1:] else longs[0])
    first = 8 + sum(map(len, strips)) + len(heap)
    entries = b"".join(table[number] for number in sorted(table))
    directory = struct.pack("<H", len(table)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", first) + b"".join(strips) + heap + directory


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 10, 12, 14])
def test_each_depth_is_scaled_by_its_own_maximum(tmp_path: Path, bits: int) -> None:
    white = (1 << bits) - 1
    grey, rgb = GREY_16 >> 16 - bits, RGB_16 >> 16 - bits
    want = eight_bits(grey, white)
    assert_close(read(tmp_path, page([packed(grey, bits)], {258: [bits], 262: [1]})), want)
    inverted = page([packed(white - grey, bits)], {258: [bits], 262: [0]})
    assert_close(read(tmp_path, inverted), want)
    colour = {258: [bits] * 3, 262: [2], 277: [3]}
    assert_close(read(tmp_path, page([packed(rgb, bits)], colour)), eight_bits(rgb, white))
    each = [packed(rgb[..., n], bits) for n in range(3)]
    assert_close(read(tmp_path, page(each, {**colour, 284: [2]})), eight_bits(rgb, white))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("factor", [1, 256, 257])
def test_palettes(tmp_path: Path, bits: int, factor: int) -> None:
    palette = np.random.RandomState(bits).randint(0, 256, (1 << bits, 3))
    indices = GREY_16 >> 16 - bits
    stored = (palette.T * factor).ravel().tolist()
    data = page([packed(indices, bits)], {258: [bits], 262: [3], 320: stored})
    assert_close(read(tmp_path, data), palette[indices])


def test_bits_may_be_stored_from_the_lowest(tmp_path: Path) -> None:
    bits = GREY_16 >> 15
    data = packed(bits, 1).translate(bytes(int(f"{n:08b}"[::-1], 2) for n in range(256)))
    assert_close(read(tmp_path, page([data], {258: [1], 262: [1], 266: [2]})), eight_bits(bits, 1))


LAYOUTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "tiles": (RGB, {"tile": (16, 16), "photometric": "rgb"}),
    "tiles of JPEG": (RGB, {"tile": (16, 16), "photometric": "rgb", "compression": "jpeg"}),
    "tiles of LZW": (RGB, {"tile": (32, 16), "photometric": "rgb", "compression": "lzw"}),
    "planes of 16 bits": (
        planes(RGB.astype(np.uint16) * 257), {"planarconfig": "separate", "photometric": "rgb"},
    ),
    "BigTIFF of floats": (RGB / np.float32(255), {"bigtiff": True, "photometric": "rgb"}),
    "WebP": (RGB, {"compression": "webp", "photometric": "rgb"}),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_turned_upright(tmp_path: Path, layout: str) -> None:
    pixels, options = LAYOUTS[layout]
    for orientation in range(2, 9):
        data = tiff(pixels, extratags=[(274, 3, 1, orientation, True)], **options)
        want = TURNED[orientation](WANT)
        got = read(tmp_path, data)
        assert got.shape == want.shape
        assert np.abs(got - want).mean() < (9 if "compression" in options else 0.01)


ALPHAS = [ALPHA, ALPHA]
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "floats with alpha": (
        np.dstack([RGB, ALPHA]) / np.float32(255),
        {"photometric": "rgb", "extrasamples": ["unassalpha"]},
    ),
    "five samples": (
        np.dstack([RGB, *ALPHAS]), {"photometric": "rgb", "extrasamples": ["unassalpha", 0]},
    ),
    "five samples of 16 bits": (
        np.dstack([RGB, *ALPHAS]).astype(np.uint16) * 257,
        {"photometric": "rgb", "extrasamples": [0, 0], "compression": "lzw", "predictor": True},
    ),
    "16 bits, big-endian, predicted": (
        RGB.astype(np.uint16) * 257,
        {"photometric": "rgb", "compression": "zlib", "predictor": True, "byteorder": ">"},
    ),
    "floats, predicted": (
        RGB / np.float64(255),
        {"photometric": "rgb", "compression": "zlib", "predictor": True, "tile": (16, 32)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_further_samples_are_left_out_and_predictors_undone(tmp_path: Path, case: str) -> None:
    pixels, options = CASES[case]
    assert_close(read(tmp_path, tiff(pixels, **options)), WANT, within=1)


@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}, {"planarconfig": "separate"}])
@pytest.mark.parametrize("factor", [1, 257])
def test_inks(tmp_path: Path, options: dict[str, Any], factor: int) -> None:
    inks = np.dstack([255 - RGB, ALPHA]).astype(np.uint16 if factor > 1 else np.uint8) * factor
    stored = planes(inks) if "planarconfig" in options else inks
    light = (255 - ALPHA.astype(float))[..., np.newaxis] / 255
    data = tiff(stored, photometric="separated", **options)
    assert_close(read(tmp_path, data), np.rint(WANT * light), within=1)


@pytest.mark.parametrize("planar", [0, 3])
def test_an_unknown_arrangement_of_samples_is_side_by_side(tmp_path: Path, planar: int) -> None:
    for photometric in (2, 8):
        data = page([RGB.tobytes()], {258: [8] * 3, 262: [photometric], 277: [3], 284: [planar]})
        assert read(tmp_path, data).shape == RGB.shape


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("photometric", [8, 9])
def test_lab_has_the_colours_of_little_cms(tmp_path: Path, bits: int, photometric: int) -> None:
    """Pillow gives the signed a* and b* of CIELAB; those of ICCLAB are moved up by 128."""
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(RGB), *profiles, outputMode="LAB")
    assert image is not None
    back = ImageCms.profileToProfile(image, *profiles[::-1], outputMode="RGB")
    lab = np.asarray(image).astype(np.uint16)
    assert lab[0, 0].tolist() == [0, 0, 0]
    if photometric == 9:
        lab[..., 1:] ^= 128
    if bits == 16:
        white = 257 if photometric == 8 else 256
        lab = np.dstack([lab[..., 0] * white, lab[..., 1] << 8, lab[..., 2] << 8])
    raw = lab.astype("<u2" if bits == 16 else "u1").tobytes()
    data = page([raw], {258: [bits] * 3, 262: [photometric], 277: [3]})
    got = read(tmp_path, data)
    assert np.abs(got - np.asarray(back)).mean() < 1  # it is further off at the edge of the gamut
    assert_close(got, WANT, within=14)  # of 8 bits


def test_a_file_of_pillow_in_lab_is_not_tinted(tmp_path: Path) -> None:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(RGB), *profiles, outputMode="LAB")
    assert image is not None
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate"):
        file = io.BytesIO()
        image.save(file, "TIFF", compression=compression)
        assert np.abs(read(tmp_path, file.getvalue()) - WANT).mean() < 2
