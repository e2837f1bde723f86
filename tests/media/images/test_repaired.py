"""Pictures whose header, end or colours common decoders misread: against the numbers put in."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from PIL import Image

from common_ml.errors import DecodeError
from common_ml.media.headers.png import with_checksums
from common_ml.media.images import read_image
from common_ml.media.kinds import media_kind
from tests.media.images.made_pictures import (
    ALPHA,
    HEIGHT,
    RGB,
    WIDTH,
    by_ffmpeg,
    encoded,
    exif,
    of_planes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

WANT = RGB.astype(int)


def read(directory: Path, data: bytes, name: str = "picture") -> npt.NDArray[np.int64]:
    path = directory / name
    path.write_bytes(data)
    assert media_kind(path) == "image"
    return read_image(path).astype(np.int64)


def saved(pixels: npt.NDArray[np.uint8], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def difference(got: npt.NDArray[np.int64], want: npt.NDArray[Any]) -> int:
    assert got.shape == want.shape
    return int(np.abs(got - want).max())


class TestBmp:
    def masked(self, masks: Sequence[int], bits: int, *, header: int, from_top: bool) -> bytes:
        """Pixels with each colour in the bits of its mask, and ones in all others."""
        words = np.full((HEIGHT, WIDTH), (1 << bits) - 1, np.uint64)
        for channel, mask in enumerate(masks):
            shift = (mask & -mask).bit_length() - 1
            white = mask >> shift
            value = (RGB[..., channel].astype(np.uint64) * white + 127) // 255
            words = (words & ~np.uint64(mask)) | value << np.uint64(shift)
        rows = words.astype("<u2" if bits == 16 else "<u4")
        pixels = (rows if from_top else rows[::-1]).tobytes()
        stated = struct.pack("<3I", *masks)
        at = 14 + header + (12 if header == 40 else 0)
        fields = struct.pack(
            "<IiiHHIIiiII",
            *(header, WIDTH, -HEIGHT if from_top else HEIGHT, 1, bits, 3, len(pixels), 0, 0, 0, 0),
        )
        head = (fields + stated).ljust(at - 14, b"\0")
        return struct.pack("<2sIII", b"BM", at + len(pixels), 0, at) + head + pixels

    @pytest.mark.parametrize(
        ("masks", "bits"),
        [
            ((0xFF, 0xFF00, 0xFF0000), 32),
            ((0xFF000000, 0xFF0000, 0xFF00), 32),
            ((0x3FF00000, 0xFFC00, 0x3FF), 32),
            ((0xF800, 0x7E0, 0x1F), 16),
            ((0xF00, 0xF0, 0xF), 16),
        ],
    )
    @pytest.mark.parametrize("header", [40, 108, 124])
    @pytest.mark.parametrize("from_top", [True, False])
    def test_masks(
        self, tmp_path: Path, masks: tuple[int, ...], bits: int, header: int, from_top: bool
    ) -> None:
        data = self.masked(masks, bits, header=header, from_top=from_top)
        depth = min(mask.bit_count() for mask in masks)
        within = 0 if depth >= 8 else 255 // ((1 << depth) - 1) // 2 + 1
        assert difference(read(tmp_path, data), WANT) <= within
        with pytest.raises(DecodeError, match="damaged or truncated"):
            read(tmp_path, data[:-100])

    def test_five_bits_of_each_colour_reach_white(self, tmp_path: Path) -> None:
        pixels = np.full((2, 2), 0x7FFF, "<u2").tobytes()
        fields = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 16, 0, len(pixels), 0, 0, 0, 0)
        data = struct.pack("<2sIII", b"BM", 54 + len(pixels), 0, 54) + fields + pixels
        assert (read(tmp_path, data) == 255).all()

    def test_headers_of_os2(self, tmp_path: Path) -> None:
        head = struct.pack("<2sIIIIHHHH", b"BM", 0, 0, 26, 12, WIDTH, HEIGHT, 1, 24)
        assert difference(read(tmp_path, head + RGB[::-1, :, ::-1].tobytes()), WANT) == 0
        palette = np.random.RandomState(1).randint(0, 256, (256, 3)).astype(np.uint8)
        head = struct.pack("<2sIIIIHHHH", b"BM", 0, 0, 26 + 768, 12, WIDTH, HEIGHT, 1, 8)
        indices = RGB[..., 0]
        data = head + palette[:, ::-1].tobytes() + indices[::-1].tobytes()
        assert difference(read(tmp_path, data), palette[indices]) == 0

    def test_hostile_headers_are_damage(self, tmp_path: Path) -> None:
        """Masks beyond the pixels, and pixels beyond the file."""
        masked = bytearray(self.masked((0xF800, 0x7E0, 0x1F), 16, header=40, from_top=True))
        struct.pack_into("<I", masked, 54, 0xFFFFFFFF)
        os2 = struct.pack("<2sIIIIHHHH", b"BM", 0, 0, 1 << 31, 12, WIDTH, HEIGHT, 1, 24)
        for number, data in enumerate((bytes(masked), os2 + bytes(9000))):
            path = tmp_path / f"{number}.bmp"
            path.write_bytes(data)
            with suppress(DecodeError):
                assert read_image(path).shape == RGB.shape


class TestTarga:
    def targa(self, kind: int, bits: int, pixels: bytes, flags: int = 0x20) -> bytes:
        return struct.pack("<BBB5xHHHHBB", 5, 0, kind, 0, 0, WIDTH, HEIGHT, bits, flags) + (
            b"title" + pixels
        )

    def test_true_colour(self, tmp_path: Path) -> None:
        bgr = RGB[..., ::-1]
        assert difference(read(tmp_path, self.targa(2, 24, bgr.tobytes())), WANT) == 0
        bottom_up = self.targa(2, 24, bgr[::-1].tobytes(), 0)
        assert difference(read(tmp_path, bottom_up), WANT) == 0
        from_the_right = self.targa(2, 24, bgr[:, ::-1].tobytes(), 0x30)
        assert difference(read(tmp_path, from_the_right), WANT) == 0

    def test_alpha_is_dropped(self, tmp_path: Path) -> None:
        bgra = np.dstack([RGB[..., ::-1], ALPHA])
        assert difference(read(tmp_path, self.targa(2, 32, bgra.tobytes(), 0x28)), WANT) == 0

    @pytest.mark.parametrize("compression", [None, "tga_rle"])
    def test_files_of_pillow(self, tmp_path: Path, compression: str | None) -> None:
        for mode in ("RGB", "L", "P"):
            image = Image.fromarray(RGB).convert(mode)
            file = io.BytesIO()
            image.save(file, "TGA", compression=compression)
            want = np.asarray(image.convert("RGB"))
            assert difference(read(tmp_path, file.getvalue()), want) == 0

    def test_a_truncated_one_is_damaged(self, tmp_path: Path) -> None:
        data = self.targa(2, 24, RGB.tobytes())
        for share in (0.3, 0.7, 0.99):
            with pytest.raises(DecodeError):
                read(tmp_path, data[: int(len(data) * share)])

    def test_grey_with_alpha_is_named(self, tmp_path: Path) -> None:
        data = self.targa(3, 16, np.dstack([ALPHA, ALPHA]).tobytes(), 0x28)
        with pytest.raises(DecodeError, match=r"not supported: TGA of grey with alpha;"):
            read(tmp_path, data)


class TestTexts:
    def test_x_bitmaps(self, tmp_path: Path) -> None:
        """The lowest bit is the first pixel, and 1 is black."""
        text = b"#define a_width 10\n#define a_height 2\nstatic char a_bits[] = {\n"
        got = read(tmp_path, text + b"0x01, 0x02, 0x00, 0x00};\n")
        want = np.full((2, 10), 255)
        want[0, [0, 9]] = 0
        assert difference(got, np.dstack([want] * 3)) == 0

    def test_x_pixmaps(self, tmp_path: Path) -> None:
        lines = [b"2 2 2 1", b"a c #ff0000", b"b c #00ff00", b"ab", b"ba"]
        text = b'/* XPM */\nstatic char *a[] = {\n"' + b'",\n"'.join(lines) + b'"};\n'
        red, green = [255, 0, 0], [0, 255, 0]
        assert read(tmp_path, text).tolist() == [[red, green], [green, red]]

    def test_a_header_of_c_is_no_picture(self, tmp_path: Path) -> None:
        path = tmp_path / "a.h"
        path.write_text("#define a_width 10\n#define b 2\nint main(void);\n")
        assert media_kind(path) == "unknown"


class TestJpeg:
    @pytest.mark.parametrize("progressive", [True, False])
    @pytest.mark.parametrize("tail", [b"", b"\0" * 500, b"\xff"])
    def test_the_end_marker_may_be_missing(
        self, tmp_path: Path, progressive: bool, tail: bytes
    ) -> None:
        data = saved(RGB, "JPEG", quality=95, progressive=progressive)
        assert data.endswith(b"\xff\xd9")
        assert difference(read(tmp_path, data[:-2] + tail), read(tmp_path, data)) == 0

    @pytest.mark.parametrize("share", [0.5, 0.8, 0.97])
    def test_what_is_truncated_is_damaged_even_if_zeros_follow(
        self, tmp_path: Path, share: float
    ) -> None:
        data = saved(RGB, "JPEG", quality=95)
        cut = data[: int(len(data) * share)]
        for tail in (b"", bytes(len(data) - len(cut)), b"\xff"):
            with pytest.raises(DecodeError, match="damaged or truncated"):
                read(tmp_path, cut + tail)

    def test_exif_may_stand_behind_the_frame_header(self, tmp_path: Path) -> None:
        data = saved(RGB, "JPEG", quality=95, subsampling=0)
        block = exif(6, kind="SHORT", order=">")
        scan = data.index(b"\xff\xda")
        segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        assert read(tmp_path, data[:scan] + segment + data[scan:]).shape == (WIDTH, HEIGHT, 3)


class TestJpeg2000:
    def test_components_may_have_fewer_samples(self, tmp_path: Path) -> None:
        frame = av.VideoFrame.from_ndarray(RGB, format="rgb24")
        planes = frame.reformat(
            format="yuv420p", dst_color_range="JPEG", dst_colorspace="ITU601"
        ).to_ndarray()
        data = by_ffmpeg("jpeg2000", planes, "yuv420p")
        got = read(tmp_path, data)
        assert got.shape == RGB.shape
        assert np.corrcoef(got.ravel(), WANT.ravel())[0, 1] > 0.98
        with pytest.raises(DecodeError):
            read(tmp_path, data[: len(data) * 2 // 3])

    @pytest.mark.parametrize("bits", [8, 10, 12, 16])
    def test_components_may_be_luma_and_chroma(self, tmp_path: Path, bits: int) -> None:
        """sYCC: the whole range of the samples, by the matrix of BT.601 whatever the size."""
        red, green, blue = (RGB[..., channel] / 255 for channel in range(3))
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        chroma = [(blue - luma) / 1.772 + 0.5, (red - luma) / 1.402 + 0.5]
        white = (1 << bits) - 1
        planes = np.rint(np.stack([luma, *chroma]) * white).clip(0, white)
        coded = planes.astype("<u2" if bits > 8 else "u1")
        frame = of_planes(coded, f"yuv444p{f'{bits}le' if bits > 8 else ''}")
        data = encoded(frame, "jpeg2000", pred="dwt53")
        assert struct.unpack_from(">I", data, data.index(b"colr") + 7) == (18,)
        assert difference(read(tmp_path, data), WANT) <= 3

    def test_colours_may_come_from_a_palette(self, tmp_path: Path) -> None:
        palette = np.random.RandomState(1).randint(0, 256, (256, 3)).astype(np.uint8)
        data = bytearray(by_ffmpeg("jpeg2000", RGB[..., 0], "gray", pred="dwt53"))
        colours = struct.pack(">HB3B", 256, 3, 7, 7, 7) + palette.tobytes()
        mapping = b"".join(struct.pack(">HBB", 0, 1, channel) for channel in range(3))
        boxes = b"".join(
            struct.pack(">I", len(body) + 8) + kind + body
            for kind, body in ((b"pclr", colours), (b"cmap", mapping))
        )
        parent, colour = data.index(b"jp2h") - 4, data.index(b"colr") - 4
        (size,) = struct.unpack_from(">I", data, parent)
        struct.pack_into(">I", data, parent, size + len(boxes))
        struct.pack_into(">I", data, colour + 11, 16)  # sRGB
        data[colour:colour] = boxes
        assert difference(read(tmp_path, bytes(data)), palette[RGB[..., 0]]) == 0


@pytest.mark.parametrize("later", [0, 2])
def test_transparent_colours_of_a_gif_are_shown(tmp_path: Path, later: int) -> None:
    images = [Image.fromarray(np.roll(RGB, 9 * n, 1)).quantize(32) for n in range(1 + later)]
    file = io.BytesIO()
    images[0].save(file, "GIF", transparency=3, save_all=True, append_images=images[1:], disposal=2)
    got = read(tmp_path, file.getvalue())
    assert difference(got, np.asarray(images[0].convert("RGB"))) == 0


@pytest.mark.parametrize("pixel_format", ["gbrpf32le", "gbrapf32le", "grayf32le"])
@pytest.mark.parametrize("depth", ["float", "half"])
def test_openexr_is_linear_light_in_all_its_forms(
    tmp_path: Path, pixel_format: str, depth: str
) -> None:
    """Half floats and files with alpha are the usual ones."""
    channels = {"gbrpf32le": 3, "gbrapf32le": 4, "grayf32le": 0}[pixel_format]
    shape = (HEIGHT, WIDTH, channels) if channels else (HEIGHT, WIDTH)
    light = np.full(shape, 0.2159, np.float32)
    if channels == 4:
        light[..., 3] = 0.3
    data = by_ffmpeg("exr", light, pixel_format, format=depth)
    assert difference(read(tmp_path, data), np.full((HEIGHT, WIDTH, 3), 128)) <= 1


def test_half_float_maps_are_linear_light(tmp_path: Path) -> None:
    light = np.array([[0.2159] * 3, [1, 0, 0]])[:, np.newaxis]
    want = np.array([[128] * 3, [255, 0, 0]])[:, np.newaxis]
    for scale, dtype in ((b"-1.0", "<f2"), (b"1.0", ">f2")):
        data = b"PH\n1 2\n" + scale + b"\n" + light[::-1].astype(dtype).tobytes()
        assert difference(read(tmp_path, data), want) <= 1
        with pytest.raises(DecodeError, match="damaged or truncated"):
            read(tmp_path, data[:-1])


@pytest.mark.parametrize(
    ("version", "depth", "mode", "name"),
    [
        (2, 8, 3, r"Photoshop's large documents \(PSB\)"),
        (1, 32, 3, "PSD of 32 bits"),
        (1, 8, 9, r"PSD in CIE L\*a\*b\*"),
    ],
)
def test_documents_of_photoshop_without_a_decoder_are_named(
    tmp_path: Path, version: int, depth: int, mode: int, name: str
) -> None:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", version, 3, HEIGHT, WIDTH, depth, mode)
    with pytest.raises(DecodeError, match=f"not supported: {name};"):
        read(tmp_path, head + bytes(1000))


class TestPng:
    @staticmethod
    def flipped(name: bytes, *, at: int) -> bytes:
        """A bit of a chunk is another one: of its checksum at -4 to -1, of its body from 0 on."""
        data = bytearray(saved(RGB, "png"))
        start = data.index(name) + 4
        (length,) = struct.unpack_from(">I", data, start - 8)
        data[start + (length + 4 if at < 0 else 0) + at] ^= 1
        return bytes(data)

    @pytest.mark.parametrize("name", [b"IDAT", b"IEND"])
    @pytest.mark.parametrize("at", [-4, -1])
    def test_a_wrong_checksum_of_a_chunk_costs_no_pixel(
        self, name: bytes, at: int, tmp_path: Path
    ) -> None:
        data = self.flipped(name, at=at)
        assert difference(read(tmp_path, data), WANT) == 0

    def test_many_chunks_of_pixels(self, tmp_path: Path) -> None:
        whole = saved(RGB, "png")
        start = whole.index(b"IDAT")
        (length,) = struct.unpack_from(">I", whole, start - 4)
        body = whole[start + 4 : start + 4 + length]
        chunks = b"".join(
            struct.pack(">I4s", 1, b"IDAT") + body[n : n + 1] + b"\0\0\0\0" for n in range(length)
        )
        data = whole[: start - 4] + chunks + whole[start + 8 + length :]
        assert difference(read(tmp_path, data), WANT) == 0

    @pytest.mark.parametrize(
        ("name", "at"), [(b"IDAT", 20), (b"IDAT", 30), (b"IHDR", 3), (b"IHDR", -1)]
    )
    def test_what_may_change_the_picture_is_damage(
        self, name: bytes, at: int, tmp_path: Path
    ) -> None:
        """A wrong checksum of the header as well: nothing else shows that its numbers are right."""
        with pytest.raises(DecodeError, match="damaged or truncated"):
            read(tmp_path, self.flipped(name, at=at))

    def test_more_pixels_than_the_header_says_are_not_read(self, tmp_path: Path) -> None:
        bomb = zlib.compress(bytes(100_000_000))
        header = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
        data = b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(body)) + name + body + b"\0\0\0\0"
            for name, body in ((b"IHDR", header), (b"IDAT", bomb), (b"IEND", b""))
        )
        assert with_checksums(data) is None
