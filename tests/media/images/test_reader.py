from __future__ import annotations

import gc
import io
import os
import threading
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from common_ml.errors import DecodeError, MediaError, MissingMediaError, UnknownMediaError
from common_ml.media.images import read_image, read_images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    Picture = npt.NDArray[np.uint8]

HEIGHT, WIDTH = 40, 60
RANDOM = np.random.default_rng(5)
GREY: Picture = RANDOM.integers(0, 256, (HEIGHT, WIDTH), np.uint8)
ALPHA: Picture = RANDOM.integers(0, 256, (HEIGHT, WIDTH), np.uint8)
QUARTERS: Picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
QUARTERS[:20, :30], QUARTERS[:20, 30:] = (255, 0, 0), (0, 255, 0)
QUARTERS[20:, :30], QUARTERS[20:, 30:] = (0, 0, 255), (200, 100, 50)
COLOURS = Image.fromarray(QUARTERS)
LOSSLESS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
}


UPRIGHT: dict[int, Callable[[Picture], Picture]] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}


def saved(directory: Path, image: Image.Image, kind: str, **options: Any) -> Path:
    path = directory / f"picture.{kind.lower()}"
    image.save(path, kind, **LOSSLESS.get(kind, {}) | options)
    return path


def by_opencv(directory: Path, suffix: str, pixels: npt.NDArray[Any]) -> Path:
    """Written by OpenCV, which knows the depths that Pillow does not."""
    bgr = pixels[..., ::-1].copy() if pixels.ndim == 3 else pixels
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 1] if suffix == ".tiff" else []
    _, data = cv2.imencode(suffix, bgr, options)
    path = directory / f"picture{suffix}"
    path.write_bytes(data.tobytes())
    return path


def by_pillow(path: Path) -> npt.NDArray[np.int16]:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB")).astype(np.int16)


def assert_same(got: Picture, want: Any, *, within: int = 0) -> None:
    want = np.asarray(want, dtype=np.int16)
    assert got.dtype == np.uint8
    assert got.flags.c_contiguous
    assert got.shape == want.shape
    assert np.abs(got.astype(np.int16) - want).max() <= within


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
    def test_exif_says_which_way_up(self, tmp_path: Path, kind: str, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = saved(tmp_path, COLOURS, kind, exif=exif)
        assert_same(read_image(path), UPRIGHT[orientation](QUARTERS), within=3)
        assert_same(read_image(path), by_pillow(path), within=2)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("mode", ["RGB", "L", "1"])
    def test_a_tiff_says_it_in_a_tag(self, tmp_path: Path, mode: str, orientation: int) -> None:
        image = COLOURS.convert(mode)
        path = saved(tmp_path, image, "TIFF", tiffinfo={0x0112: orientation})
        assert_same(read_image(path), UPRIGHT[orientation](np.asarray(image.convert("RGB"))))

    def test_a_damaged_exif_block_turns_nothing(self, tmp_path: Path) -> None:
        path = saved(tmp_path, COLOURS, "WEBP", exif=b"Exif\0\0II\x2a\0\xff\xff\0\0")
        assert_same(read_image(path), QUARTERS)


class TestColours:
    @pytest.mark.parametrize(
        "kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "JPEG2000", "AVIF", "PPM"]
    )
    def test_rgb(self, tmp_path: Path, kind: str) -> None:
        assert_same(read_image(saved(tmp_path, COLOURS, kind)), QUARTERS, within=3)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "JPEG2000", "PPM"])
    def test_grey(self, tmp_path: Path, kind: str) -> None:
        path = saved(tmp_path, Image.fromarray(GREY), kind)
        assert_same(read_image(path), np.dstack([GREY] * 3), within=1)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "PPM"])
    def test_black_and_white(self, tmp_path: Path, kind: str) -> None:
        image = Image.fromarray(GREY).convert("1")
        assert_same(read_image(saved(tmp_path, image, kind)), image.convert("RGB"))

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
    def test_palette(self, tmp_path: Path, kind: str) -> None:
        image = COLOURS.quantize(7)
        assert_same(read_image(saved(tmp_path, image, kind)), image.convert("RGB"))

    @pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
    def test_cmyk(self, tmp_path: Path, kind: str) -> None:
        path = saved(tmp_path, COLOURS.convert("CMYK"), kind)
        assert_same(read_image(path), by_pillow(path), within=2)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG2000", "AVIF"])
    def test_alpha_is_dropped(self, tmp_path: Path, kind: str) -> None:
        path = saved(tmp_path, Image.fromarray(np.dstack([QUARTERS, ALPHA])), kind)
        assert_same(read_image(path), QUARTERS, within=2)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF"])
    def test_grey_with_alpha(self, tmp_path: Path, kind: str) -> None:
        path = saved(tmp_path, Image.fromarray(np.dstack([GREY, ALPHA]), "LA"), kind)
        assert_same(read_image(path), np.dstack([GREY] * 3))


class TestDepth:
    @pytest.mark.parametrize("suffix", [".png", ".tiff", ".ppm"])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_sixteen_bits_are_rounded_not_cut(
        self, tmp_path: Path, suffix: str, channels: int
    ) -> None:
        """All 65536 values, against exact arithmetic."""
        ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
        suffix = ".pgm" if (suffix, channels) == (".ppm", 1) else suffix
        pixels = ramp if channels == 1 else np.dstack([ramp, ramp[::-1], ramp.T])
        want = np.floor(pixels.astype(np.float64) * 255 / 65535 + 0.5)
        got = read_image(by_opencv(tmp_path, suffix, pixels))
        assert_same(got, want if channels == 3 else np.dstack([want] * 3))

    @pytest.mark.parametrize("orientation", [1, 6])
    def test_a_float_tiff_goes_from_0_to_1(self, tmp_path: Path, orientation: int) -> None:
        image = Image.fromarray(GREY.astype(np.float32) / 255)
        path = saved(tmp_path, image, "TIFF", tiffinfo={0x0112: orientation})
        want = GREY if orientation == 1 else np.rot90(GREY, -1)
        assert_same(read_image(path), np.dstack([want] * 3))

    def test_the_largest_number_of_a_float_tiff_beyond_1_is_white(self, tmp_path: Path) -> None:
        pixels = np.dstack([GREY] * 3).astype(np.float32) * 40
        pixels[0, 0], pixels[0, 1], pixels[0, 2] = 40 * 255, np.nan, -5
        got = read_image(by_opencv(tmp_path, ".tiff", pixels))
        assert_same(got, np.rint(np.clip(np.nan_to_num(pixels), 0, None) / 40))

    def test_wide_integers(self, tmp_path: Path) -> None:
        numbers = GREY.astype(np.int32) * 1000
        numbers[0, 0] = 255_000
        got = read_image(saved(tmp_path, Image.fromarray(numbers), "TIFF"))
        assert_same(got, np.dstack([numbers // 1000] * 3))

    def test_signed_integers(self, tmp_path: Path) -> None:
        pixels = np.full((8, 8, 3), 32767, np.int16)
        pixels[0, 0] = -32768
        want = np.full((8, 8, 3), 255)
        want[0, 0] = 0
        assert_same(read_image(by_opencv(tmp_path, ".tiff", pixels)), want)

    def test_linear_light_goes_through_the_srgb_curve(self, tmp_path: Path) -> None:
        """Reference values of IEC 61966-2-1."""
        pixels = np.zeros((8, 8, 3), np.float32)
        pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2] = 0.2158605, 7.5, 0.002
        want = np.broadcast_to([128, 255, round(12.92 * 0.002 * 255)], (8, 8, 3))
        assert_same(read_image(by_opencv(tmp_path, ".pfm", pixels)), want)

    def test_radiance_is_linear_light_too(self, tmp_path: Path) -> None:
        pixels = np.full((8, 8, 3), 0.2158605, np.float32)
        assert_same(read_image(by_opencv(tmp_path, ".hdr", pixels)), np.full((8, 8, 3), 128))


class TestFirstPicture:
    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
    def test_of_an_animated_or_multi_page_file(self, tmp_path: Path, kind: str) -> None:
        pictures = [Image.fromarray(np.roll(QUARTERS, 15 * n, axis=1)) for n in range(3)]
        options = {} if kind == "TIFF" else {"duration": 100}
        path = saved(
            tmp_path, pictures[0], kind, save_all=True, append_images=pictures[1:], **options
        )
        assert_same(read_image(path), QUARTERS, within=2)

    def test_of_an_icon_the_largest(self, tmp_path: Path) -> None:
        picture = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
        path = tmp_path / "a.ico"
        picture.save(path, sizes=[(16, 16), (48, 48), (32, 32)])
        assert read_image(path).shape == (48, 48, 3)
        assert_same(read_image(path), by_pillow(path))


class TestByFFmpeg:
    """Formats that OpenCV does not know, or not in all versions."""

    @pytest.mark.parametrize("kind", ["PCX", "SGI", "DDS"])
    def test_reads_what_opencv_does_not(self, tmp_path: Path, kind: str) -> None:
        assert_same(read_image(saved(tmp_path, COLOURS, kind)), QUARTERS)

    def test_a_video_is_no_picture(self, tmp_path: Path) -> None:
        path = tmp_path / "clip.mp4"
        with av.open(str(path), "w") as output:
            stream = output.add_stream("mpeg4", rate=5)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            output.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
            output.mux(stream.encode(None))
        with pytest.raises(UnknownMediaError, match=r"clip\.mp4' is not a picture"):
            read_image(path)

    def test_text_is_no_picture(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_text("<html>not found</html>")
        with pytest.raises(UnknownMediaError, match=r"a\.jpg' is not a picture"):
            read_image(tmp_path / "a.jpg")


class TestDamage:
    @pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.99])
    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("JPEG", {}),
            ("JPEG", {"progressive": True}),
            ("PNG", {}),
            ("WEBP", {}),
            ("WEBP", {"lossless": False}),
            ("TIFF", {"compression": "raw"}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("GIF", {}),
            ("BMP", {}),
            ("JPEG2000", {}),
            ("AVIF", {}),
            ("PPM", {}),
        ],
    )
    def test_half_a_file_is_an_error_not_half_a_picture(
        self, tmp_path: Path, kind: str, options: dict[str, Any], share: float
    ) -> None:
        noise = RANDOM.integers(0, 256, (100, 150, 3), np.uint8)
        path = saved(tmp_path, Image.fromarray(noise), kind, **options)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        with pytest.raises(MediaError, match=path.name) as caught:
            read_image(path)
        assert caught.value.path == path

    def test_an_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").touch()
        with pytest.raises(DecodeError, match=r"a\.png' is empty"):
            read_image(tmp_path / "a.png")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(MissingMediaError, match=r"no such file: .*a.png"):
            read_image(tmp_path / "a.png")

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match=r"test_a_directory\d*' is a directory, not a file"):
            read_image(tmp_path)

    def test_bytes_after_the_picture_do_no_harm(self, tmp_path: Path) -> None:
        """Phones append a clip to their JPEGs."""
        path = saved(tmp_path, COLOURS, "JPEG")
        path.write_bytes(path.read_bytes() + bytes(5000))
        assert_same(read_image(path), QUARTERS, within=3)


@pytest.mark.parametrize("name", ["ü 例.jpg", "a:b.pcx", "%03d.png", "\udcff.jpg", "no extension"])
def test_any_name_is_a_name(tmp_path: Path, name: str) -> None:
    data = io.BytesIO()
    COLOURS.save(data, "PCX" if name.endswith("pcx") else "PNG")
    (tmp_path / name).write_bytes(data.getvalue())
    assert_same(read_image(os.fspath(tmp_path / name)), QUARTERS)


def reader_threads() -> int:
    return sum(thread.name.startswith("read_images") for thread in threading.enumerate())


class TestReadImages:
    @pytest.fixture
    def paths(self, tmp_path: Path) -> list[Path]:
        """Sixty pictures, number n filled with n; large and small ones take turns."""
        paths = []
        for n in range(60):
            side = 300 if n % 3 else 20
            paths.append(tmp_path / f"{n}.png")
            Image.fromarray(np.full((side, side, 3), n, np.uint8)).save(paths[-1])
        return paths

    @pytest.mark.parametrize("workers", [1, 2, 7])
    @pytest.mark.parametrize("budget", [0, 300_000, 10**9])
    def test_everything_comes_in_order(self, paths: list[Path], workers: int, budget: int) -> None:
        with read_images(paths, workers=workers, memory_budget_bytes=budget) as reader:
            got = [
                (path, int(rgb[0, 0, 0])) for path, rgb in reader if not isinstance(rgb, MediaError)
            ]
        assert got == list(zip(paths, range(60), strict=True))
        assert reader_threads() == 0

    def test_an_error_takes_the_place_of_its_picture(self, paths: list[Path]) -> None:
        paths[1].unlink()
        paths[2].write_bytes(paths[2].read_bytes()[:60])
        results = [rgb for _, rgb in read_images(paths[:4])]
        assert [type(rgb) for rgb in results] == [
            np.ndarray,
            MissingMediaError,
            DecodeError,
            np.ndarray,
        ]

    @pytest.mark.parametrize("budget", [0, 10**9])
    def test_leaving_early_stops_and_joins_the_threads(
        self, paths: list[Path], budget: int
    ) -> None:
        with read_images(paths, workers=4, memory_budget_bytes=budget) as reader:
            next(reader)
            assert reader_threads() > 0
        assert reader_threads() == 0
        assert list(reader) == []

    def test_dropping_the_iterator_stops_and_joins_the_threads(self, paths: list[Path]) -> None:
        reader = read_images(paths, workers=4)
        next(reader)
        del reader
        gc.collect()
        assert reader_threads() == 0

    def test_paths_may_be_endless(self, paths: list[Path]) -> None:
        taken = []

        def endless() -> Any:
            while True:
                taken.append(paths[0])
                yield paths[0]

        with read_images(endless(), workers=2) as reader:
            next(reader)
        assert len(taken) <= 64

    def test_no_more_is_decoded_than_the_budget_holds(
        self, paths: list[Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Three large pictures fit; the fourth is begun when the first one has been taken."""
        large = [path for n, path in enumerate(paths) if n % 3]
        size, third = 300 * 300 * 3, threading.Event()
        decoded: list[None] = []
        real = cv2.imdecode

        def counting(*args: Any) -> Any:
            decoded.append(None)
            if len(decoded) >= 4:
                third.set()
            return real(*args)

        monkeypatch.setattr(cv2, "imdecode", counting)
        with read_images(large, workers=3, memory_budget_bytes=3 * size) as reader:
            next(reader)
            assert third.wait(10)  # 0 is taken; 1, 2 and 3 may wait
            for taken, _ in enumerate(reader, 2):
                assert len(decoded) <= taken + 3

    def test_no_workers_is_a_mistake(self) -> None:
        with pytest.raises(ValueError, match="workers must be >= 1, got 0"):
            read_images([], workers=0)

    def test_an_error_of_the_callers_iterable_is_the_callers(self) -> None:
        def broken() -> Any:
            yield from ()
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            list(read_images(broken()))
        assert reader_threads() == 0


def test_reading_writes_nothing_to_stdout(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, COLOURS, "JPEG")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DecodeError):
        read_image(path)
    assert capfd.readouterr().out == ""
