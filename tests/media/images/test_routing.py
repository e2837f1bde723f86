"""Every trait that changes the decoder, against Pillow, tifffile, imagecodecs or exact numbers."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from common_ml.errors import DecodeError
from common_ml.media.images import read_image
from tests.media.images.made_pictures import (
    ALPHA,
    RGB,
    RGB_16,
    anymap,
    by_ffmpeg,
    eight_bits,
    exif,
    of_depth,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

imagecodecs = pytest.importorskip("imagecodecs", reason="the reference is not installed")
GREY, GREY_16 = RGB[..., 0], RGB_16[..., 0]


def read(directory: Path, data: bytes, name: str = "picture") -> npt.NDArray[np.int16]:
    path = directory / name
    path.write_bytes(data)
    return read_image(path).astype(np.int16)


def assert_close(got: Any, want: Any, within: int = 0) -> None:
    assert got.shape == want.shape
    assert np.abs(got - np.asarray(want, np.int16)).max() <= within


def refused(directory: Path, data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        read(directory, data)
    return str(caught.value)


class TestDepth:
    @pytest.mark.parametrize("kind", ["P2", "P3", "P5", "P6", "P7"])
    @pytest.mark.parametrize("max_value", [1, 100, 255, 256, 300, 1023, 4095, 65535])
    def test_an_anymap_is_scaled_by_its_own_maximum(
        self, tmp_path: Path, kind: str, max_value: int
    ) -> None:
        samples = RGB_16.astype(int) * max_value // 65535
        if kind in {"P2", "P5"}:
            samples = samples[..., 0]
        data = anymap(kind, samples, max_value, b"# a comment\n")
        assert_close(read(tmp_path, data), eight_bits(samples, max_value))

    @pytest.mark.parametrize("num_channels", [1, 2, 3, 4])
    def test_a_pam_with_alpha_drops_it(self, tmp_path: Path, num_channels: int) -> None:
        samples = np.dstack([RGB, ALPHA]) if num_channels > 2 else np.dstack([GREY, ALPHA])
        data = anymap("P7", samples[..., :num_channels], 255)
        assert_close(read(tmp_path, data), RGB if num_channels > 2 else np.dstack([GREY] * 3))

    @pytest.mark.parametrize("bits", [9, 10, 12, 14, 15, 16])
    @pytest.mark.parametrize("codec", ["jp2", "j2k"])
    def test_jpeg_2000(self, tmp_path: Path, codec: str, bits: int) -> None:
        for samples in (of_depth(bits), of_depth(bits)[..., 0]):
            data = imagecodecs.jpeg2k_encode(
                samples, level=0, bitspersample=bits, reversible=True, codecformat=codec
            )
            assert_close(read(tmp_path, data), eight_bits(samples, 2**bits - 1))

    @pytest.mark.parametrize("bits", [8, 10, 12])
    def test_avif(self, tmp_path: Path, bits: int) -> None:
        samples = of_depth(bits)
        data = imagecodecs.avif_encode(samples, level=100, bitspersample=bits, pixelformat="444")
        assert_close(read(tmp_path, data), eight_bits(samples, 2**bits - 1), 3)

    def test_jpeg_of_12_bits(self, tmp_path: Path) -> None:
        data = imagecodecs.jpeg8_encode(
            of_depth(12), level=100, bitspersample=12, subsampling="444"
        )
        assert_close(read(tmp_path, data), eight_bits(of_depth(12), 4095), 3)

    @pytest.mark.parametrize("bits", [8, 12])
    def test_lossless_jpeg(self, tmp_path: Path, bits: int) -> None:
        samples = of_depth(bits)[..., 0]
        data = imagecodecs.ljpeg_encode(samples, bitspersample=bits)
        assert_close(read(tmp_path, data), eight_bits(samples, 2**bits - 1), 1)

    def test_jpeg_ls(self, tmp_path: Path) -> None:
        assert_close(read(tmp_path, by_ffmpeg("jpegls", RGB, "rgb24")), RGB)
        assert_close(read(tmp_path, by_ffmpeg("jpegls", GREY, "gray")), np.dstack([GREY] * 3))
        data = imagecodecs.jpegls_encode(GREY_16)
        assert_close(read(tmp_path, data), eight_bits(GREY_16, 65535))

    def test_openexr_holds_linear_light(self, tmp_path: Path) -> None:
        """Reference value of IEC 61966-2-1."""
        light = np.full((48, 64, 3), 0.2158605, np.float32)
        assert_close(read(tmp_path, by_ffmpeg("exr", light, "gbrpf32le")), np.full(RGB.shape, 128))


def by_pillow(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


class TestOrientation:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("kind", ["SHORT", "LONG"])
    @pytest.mark.parametrize("saved_as", ["JPEG", "PNG", "WEBP"])
    def test_exif_says_it_as_short_and_as_long(
        self, tmp_path: Path, saved_as: str, kind: str, order: str
    ) -> None:
        block = exif(6, kind=kind, order=order)
        options: dict[str, Any] = {"lossless": True} if saved_as == "WEBP" else {"quality": 100}
        data = by_pillow(Image.fromarray(RGB), saved_as, exif=block, subsampling=0, **options)
        assert_close(read(tmp_path, data), np.rot90(RGB, -1), 4)


class TestNoEnd:
    def test_a_gif_without_its_trailer(self, tmp_path: Path) -> None:
        image = Image.fromarray(RGB).quantize(64)
        data = by_pillow(image, "GIF")
        assert data.endswith(b"\0;")
        assert_close(read(tmp_path, data[:-1]), np.asarray(image.convert("RGB")))
        assert "damaged or truncated" in refused(tmp_path, data[:-2])

    def test_a_png_without_its_last_chunk(self, tmp_path: Path) -> None:
        data = by_pillow(Image.fromarray(RGB), "PNG")
        end = data.index(b"IEND") - 4
        for rest in (0, 4, 8):
            assert_close(read(tmp_path, data[: end + rest]), RGB)
        assert "damaged or truncated" in refused(tmp_path, data[: end - 20])

    def test_a_png_without_its_last_data(self, tmp_path: Path) -> None:
        """Whole chunks are missing: half of the picture."""
        noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
        data = by_pillow(Image.fromarray(noise), "PNG")
        packed = zlib.compress(noise.tobytes())
        half = data[: data.index(b"IDAT") - 4]
        body = b"IDAT" + packed[: len(packed) // 2]
        half += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        assert "damaged" in refused(tmp_path, half)


UNSUPPORTED = {
    b"\xff\x0a" + bytes(50): "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50): "JPEG XL",
    b"II\xbc\x01" + bytes(50): "JPEG XR",
    b"BPG\xfb" + bytes(50): "BPG",
    b"gimp xcf v011\0" + bytes(50): "GIMP's XCF",
    bytes(128) + b"DICM" + bytes(50): "DICOM",
    b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(50): "camera raw (CR3)",
    b"FUJIFILMCCD-RAW 0201" + bytes(50): "camera raw (RAF)",
    b"IIU\0" + bytes(50): "camera raw (RW2)",
}


@pytest.mark.parametrize("data", UNSUPPORTED, ids=UNSUPPORTED.values())
def test_what_no_decoder_knows_is_named(tmp_path: Path, data: bytes) -> None:
    assert f": not supported: {UNSUPPORTED[data]}" in refused(tmp_path, data)


def test_jpeg_xl_of_a_real_encoder_is_named(tmp_path: Path) -> None:
    for use_container in (False, True):
        data = imagecodecs.jpegxl_encode(RGB, usecontainer=use_container)
        assert "not supported: JPEG XL" in refused(tmp_path, data)


def test_jpeg_of_kinds_that_come_out_wrong_is_named(tmp_path: Path) -> None:
    cases = {
        imagecodecs.jpegls_encode(RGB): "JPEG-LS with interleaved samples",
        imagecodecs.ljpeg_encode(GREY_16, bitspersample=16): "lossless JPEG of 16 bits",
    }
    for data, name in cases.items():
        assert f"not supported: {name}" in refused(tmp_path, data)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG2000", "AVIF"])
def test_alpha_is_dropped_and_never_multiplied(tmp_path: Path, kind: str) -> None:
    options: dict[str, Any] = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    if kind == "AVIF":
        options = {"quality": 100, "subsampling": "4:4:4"}
    data = by_pillow(Image.fromarray(np.dstack([RGB, ALPHA])), kind, **options)
    assert_close(read(tmp_path, data), RGB, 3)
