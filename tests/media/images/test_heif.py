"""HEIC pictures against libheif (pillow-heif), and against the pixels that were put in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from common_ml.errors import DecodeError, LimitError
from common_ml.media.images import read_image
from common_ml.media.limits import Limits, applied
from tests.media.images import made_heif as made

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

pillow_heif = pytest.importorskip("pillow_heif", reason="the reference is not installed")

ROWS, COLUMNS = np.mgrid[0:256, 0:384]
PICTURE: Pixels = np.stack(
    [COLUMNS * 255 // 384, ROWS * 255 // 256, (ROWS + COLUMNS) * 255 // 640], -1
).astype(np.uint8)
TILES = [PICTURE[r : r + 128, c : c + 128] for r in (0, 128) for c in (0, 128, 256)]


@pytest.fixture(scope="module")
def tiles() -> list[made.MadeItem]:
    return [made.hevc(tile) for tile in TILES]


def by_libheif(data: bytes) -> npt.NDArray[np.int16]:
    image: Any = pillow_heif.open_heif(io.BytesIO(data)).to_pillow()
    return np.asarray(image.convert("RGB")).astype(np.int16)


def read(directory: Path, data: bytes) -> npt.NDArray[np.int16]:
    path = directory / "picture.heic"
    path.write_bytes(data)
    return read_image(path).astype(np.int16)


def assert_close(got: Any, want: Any, within: int) -> None:
    assert got.shape == want.shape
    assert np.abs(got.astype(np.int16) - np.asarray(want, np.int16)).max() <= within


TRANSFORMS: dict[str, tuple[list[bytes], Callable[[Pixels], Pixels]]] = {
    "none": ([], lambda p: p),
    "a quarter turn to the left": ([made.irot(1)], lambda p: np.rot90(p, 1)),
    "half a turn": ([made.irot(2)], lambda p: np.rot90(p, 2)),
    "a quarter turn to the right": ([made.irot(3)], lambda p: np.rot90(p, 3)),
    "left and right change places": ([made.imir(1)], lambda p: p[:, ::-1]),
    "top and bottom change places": ([made.imir(0)], lambda p: p[::-1]),
    "turned, then mirrored": ([made.irot(1), made.imir(1)], lambda p: np.rot90(p)[:, ::-1]),
    "mirrored, then turned": ([made.imir(1), made.irot(1)], lambda p: np.rot90(p[:, ::-1])),
    "cropped": (
        [made.clap(100, 60, (-20, 1), (10, 1))],
        lambda p: p[(250 - 60) // 2 + 10 :][:60, (350 - 100) // 2 - 20 :][:, :100],
    ),
    "cropped, half a pixel off": (
        [made.clap(99, 61, (0, 1), (-2, 2))],
        lambda p: p[94:155, 125:224],
    ),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_grid_is_stitched_cropped_and_then_transformed(
    tmp_path: Path, tiles: list[made.MadeItem], name: str
) -> None:
    properties, transform = TRANSFORMS[name]
    whole = made.grid(2, 3, 350, 250, [1, 2, 3, 4, 5, 6])
    whole.properties += properties
    thumbnail = made.hevc(PICTURE[:64, :96])
    thumbnail.references = [(b"thmb", [7])]
    data = made.heif([*tiles, whole, thumbnail], primary=7)

    got = read(tmp_path, data)

    assert_close(got, transform(PICTURE[:250, :350]), 3)
    assert_close(got, by_libheif(data), 2)


def test_the_primary_item_is_shown_wherever_it_stands(
    tmp_path: Path, tiles: list[made.MadeItem]
) -> None:
    for primary in (2, 6):
        assert_close(read(tmp_path, made.heif(tiles, primary=primary)), TILES[primary - 1], 3)


def test_tiles_in_any_order_and_more_than_once(tmp_path: Path, tiles: list[made.MadeItem]) -> None:
    data = made.heif([*tiles, made.grid(1, 3, 384, 128, [6, 1, 6])], primary=7)
    assert_close(read(tmp_path, data), np.hstack([TILES[5], TILES[0], TILES[5]]), 3)


def test_exif_says_the_same_again_and_is_not_applied(tmp_path: Path) -> None:
    """As iPhones write it: `irot`, and an EXIF block with the orientation."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(PICTURE)
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=-1, chroma=444, exif=exif.tobytes())
    data = file.getvalue()
    assert_close(read(tmp_path, data), by_libheif(data), 2)


@pytest.mark.parametrize("chroma", [420, 422, 444])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_what_libheif_writes(tmp_path: Path, mode: str, chroma: int) -> None:
    image = Image.fromarray(PICTURE).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.fromarray((COLUMNS % 256).astype(np.uint8)))
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=95, chroma=chroma)
    data = file.getvalue()
    assert_close(read(tmp_path, data), by_libheif(data), 8)


def test_ten_bits_are_scaled(tmp_path: Path) -> None:
    grey = (COLUMNS[:128, :128] * 4 + ROWS[:128, :128]).astype(np.uint16)
    item = made.hevc(grey, "gray10le", color_range=2)
    got = read(tmp_path, made.heif([item], primary=1))
    assert_close(got[..., 0], np.rint(grey.astype(int) * 255 / 1023), 1)


BARS = np.array(
    [(191, 191, 191), (195, 179, 0), (0, 191, 191), (40, 180, 60), (180, 20, 160), (160, 30, 20),
     (20, 30, 160), (90, 90, 90)], np.uint8,
)  # fmt: skip
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
"""Rec. ITU-R BT.2087-0."""


def as_hdr(rgb: Pixels, transfer: int) -> npt.NDArray[np.uint16]:
    """SDR with white at 203 cd/m2 as PQ (16) or HLG (18), BT.2020, 10 bits, planes of Y, U, V."""
    light = ((rgb / 255) ** 2.4) @ TO_BT2020.T
    if transfer == 16:
        power = (light * 203 / 10_000) ** 0.1593017578125
        signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:  # of a display of 1,000 cd/m2, gamma 1.2 in each channel, as zscale does
        scene = (light * 203 / 1000) ** (1 / 1.2)
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        signal = np.where(
            scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
        )
    luma = signal @ [0.2627, 0.6780, 0.0593]
    blue, red = (signal[..., 2] - luma) / 1.8814, (signal[..., 0] - luma) / 1.4746
    planes = np.stack([luma * 876 + 64, blue * 896 + 512, red * 896 + 512])
    rounded: npt.NDArray[np.uint16] = np.rint(planes).astype(np.uint16)
    return rounded


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_becomes_sdr(tmp_path: Path, transfer: int) -> None:
    """Colours that SDR can show come out as they were."""
    bars = np.repeat(np.repeat(BARS[None], 64, 0), 16, 1)
    item = made.hevc(as_hdr(bars, transfer), "yuv444p10le")
    item.properties.append(made.nclx(9, transfer, 9, is_full=False))
    got = read(tmp_path, made.heif([item], primary=1))
    assert_close(got[8:56, 8::16], bars[8:56, 8::16].astype(np.int16), 16)


@pytest.mark.parametrize("black", [0, 64])
def test_pictures_without_a_colour_matrix(tmp_path: Path, black: int) -> None:
    """Code points of the file say so, the bitstream does not: the planes are green, blue, red."""
    rgb = PICTURE[:64, :64].astype(np.uint16) * 4
    stored = (rgb if not black else black + rgb.astype(int) * 876 // 1023).astype(np.uint16)
    item = made.hevc(np.moveaxis(stored[..., [1, 2, 0]], -1, 0).copy(), "yuv444p10le")
    item.properties.append(made.nclx(2, 2, 0, is_full=not black))
    got = read(tmp_path, made.heif([item], primary=1))
    assert_close(got, np.rint(rgb.astype(int) * 255 / 1023), 1)


class TestRefused:
    def refused(self, directory: Path, data: bytes) -> str:
        with pytest.raises(DecodeError) as caught:
            read(directory, data)
        return str(caught.value)

    def test_a_missing_tile(self, tmp_path: Path, tiles: list[made.MadeItem]) -> None:
        for parts in ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 99]):
            data = made.heif([*tiles, made.grid(2, 3, 350, 250, parts)], primary=7)
            assert "damaged or truncated" in self.refused(tmp_path, data)

    def test_a_grid_of_itself(self, tmp_path: Path) -> None:
        data = made.heif([made.grid(1, 1, 350, 250, [1])], primary=1)
        self.refused(tmp_path, data)

    def test_a_file_that_is_cut(self, tmp_path: Path, tiles: list[made.MadeItem]) -> None:
        data = made.heif([*tiles, made.grid(2, 3, 350, 250, [1, 2, 3, 4, 5, 6])], primary=7)
        for share in (0.01, 0.05, 0.5, 0.9, 0.999):
            self.refused(tmp_path, data[: int(len(data) * share)])

    def test_an_overlay_is_not_supported(self, tmp_path: Path, tiles: list[made.MadeItem]) -> None:
        overlay = made.MadeItem(b"iovl", bytes(30), [made.ispe(99, 99)], [(b"dimg", [1])])
        data = made.heif([tiles[0], overlay], primary=2)
        assert "not supported: a HEIF overlay" in self.refused(tmp_path, data)

    def test_a_grid_that_is_too_large(self, tmp_path: Path, tiles: list[made.MadeItem]) -> None:
        data = made.heif([*tiles, made.grid(2, 3, 65535, 65535, [1, 2, 3, 4, 5, 6])], primary=7)
        with pytest.raises(LimitError, match="65535 x 65535"):
            read(tmp_path, data)

    def test_tiles_larger_than_they_say(self, tmp_path: Path) -> None:
        item = made.hevc(PICTURE)
        item.properties[-1] = made.ispe(8, 8)
        with applied(Limits(max_pixels=1000)), pytest.raises((DecodeError, LimitError)):
            read(tmp_path, made.heif([item], primary=1))
