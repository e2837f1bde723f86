"""Crops that containers state, as bytes that are put into files."""

from __future__ import annotations

import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.media import decode
from common_ml.media.headers.cropping import Track, container_crop
from common_ml.media.probe import probe
from tests.media import recipes
from tests.media.recipes import Video

if TYPE_CHECKING:
    from pathlib import Path

TAGS = {"colorspace": 5, "color_range": 1, "color_trc": 6, "color_primaries": 6}
WHOLE = Video(codec="mpeg4", num_frames=4, bit_rate=900_000, colour=TAGS)
LEFT, TOP, RIGHT, BOTTOM = 8, 4, 24, 12


def crop_of(path: Path, container: str, track: Track) -> tuple[int, int, int, int]:
    with path.open("rb") as file:
        return container_crop(file, container, track)


def with_clean_aperture(path: Path, numbers: tuple[int, ...]) -> None:
    """Put `clap` behind the last box of the first sample description."""
    data = path.read_bytes()
    entry = data.index(b"stsd") + 12
    end = entry + int.from_bytes(data[entry : entry + 4], "big")
    clap = struct.pack(">I4s8i", 40, b"clap", *numbers)
    result = bytearray(data[:end] + clap + data[end:])
    struct.pack_into(">I", result, entry, end - entry + 40)
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        at = result.index(name) - 4
        struct.pack_into(">I", result, at, int.from_bytes(result[at : at + 4], "big") + 40)
    path.write_bytes(result)


def with_pixel_crop(path: Path) -> None:
    """Put the four numbers in place of the description of colours, which says the usual."""
    data = bytearray(path.read_bytes())
    colour = data.index(b"\x55\xb0")
    length = data[colour + 2] & 0x7F
    crops = b"".join(
        number + b"\x81" + bytes([value])
        for number, value in zip(
            (b"\x54\xcc", b"\x54\xbb", b"\x54\xdd", b"\x54\xaa"),
            (LEFT, TOP, RIGHT, BOTTOM),
            strict=True,
        )
    )
    rest = 3 + length - len(crops)
    void = b"\xec" + bytes([0x80 | rest - 2]) + bytes(rest - 2)
    data[colour : colour + 3 + length] = crops + void
    path.write_bytes(data)


@pytest.mark.parametrize("max_size", [None, 64])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_pictures_are_cropped(suffix: str, max_size: int | None, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    recipes.write(path, WHOLE)
    with decode.sample(path, fps=None) as frames:
        whole = [frame.rgb for frame in frames]
    if suffix == ".mkv":
        with_pixel_crop(path)
    else:  # 128 x 80; the centre lies 8 to the left and 4 above that of the picture
        with_clean_aperture(path, (128, 1, 80, 1, -8, 1, -4, 1))
    with decode.sample(path, fps=None, max_size=max_size) as frames:
        cropped = [frame.rgb for frame in frames]
    want = [rgb[TOP:-BOTTOM, LEFT:-RIGHT] for rgb in whole]
    if max_size is None:
        assert all(np.array_equal(one, two) for one, two in zip(cropped, want, strict=True))
    else:
        assert {rgb.shape for rgb in cropped} == {(40, 64, 3)}
        averages = [rgb.reshape(40, 2, 64, 2, 3).mean(axis=(1, 3)) for rgb in want]
        for one, two in zip(cropped, averages, strict=True):
            assert np.abs(one - two).max() <= 2
    facts = probe(path).video
    assert facts is not None
    assert (facts.width, facts.height) == (128, 80)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg program here")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_pictures_are_cropped_and_then_turned(degrees: int, suffix: str, tmp_path: Path) -> None:
    """The sides of a crop are those of the stored picture; in Matroska, SEI turns keyframes."""
    path = tmp_path / f"whole{suffix}"
    recipes.write(path, Video(num_frames=2, colour=TAGS))
    with decode.sample(path, fps=None) as frames:
        want = [np.rot90(frame.rgb[TOP:-BOTTOM, LEFT:-RIGHT], -degrees // 90) for frame in frames]
    if suffix == ".mkv":
        turned = tmp_path / f"turned{suffix}"
        sei = f"h264_metadata=display_orientation=insert:rotate={360 - degrees}"
        command: list[str | Path] = ["ffmpeg", "-v", "error", "-i", path, "-c", "copy"]
        subprocess.run([*command, "-bsf:v", sei, turned], check=True)
        path = turned
        with_pixel_crop(path)
    else:
        recipes.rotate(path, degrees)
        with_clean_aperture(path, (128, 1, 80, 1, -8, 1, -4, 1))
    with decode.sample(path, fps=None) as frames:
        got = [frame.rgb for frame in frames]
    assert len(got) == len(want) == 2
    assert np.array_equal(got[0], want[0])
    assert suffix == ".mkv" or np.array_equal(got[1], want[1])


@pytest.mark.parametrize(
    "numbers",
    [
        (128, 0, 80, 1, 0, 1, 0, 1),  # no fraction
        (128, 1, 200, 1, 0, 1, 0, 1),  # higher than the picture
        (128, 1, 80, 1, 60, 1, 0, 1),  # beyond its right side
        (-128, 1, 80, 1, 0, 1, 0, 1),
    ],
)
def test_impossible_apertures_are_passed_over(numbers: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    recipes.write(path, WHOLE)
    with_clean_aperture(path, numbers)
    track = Track(1, 0, 160, 96)
    assert crop_of(path, "mov,mp4,m4a,3gp,3g2,mj2", track) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("numbers", "sides"),
    [
        ((99, 1, 61, 1, 0, 1, 1, 2), (30, 18, 31, 17)),
        ((199, 2, 120, 2, 0, 1, -1, 2), (30, 17, 31, 19)),
        ((101, 1, 61, 1, 0, 1, 0, 1), (29, 17, 30, 18)),
    ],
)
def test_parts_of_a_pixel_are_rounded_as_ffmpeg_rounds_them(
    numbers: tuple[int, ...], sides: tuple[int, ...], tmp_path: Path
) -> None:
    """FFmpeg from 7.1 on crops so; the numbers are by its formula, by hand."""
    path = tmp_path / "a.mp4"
    recipes.write(path, WHOLE)
    with_clean_aperture(path, numbers)
    assert crop_of(path, "mov,mp4,m4a,3gp,3g2,mj2", Track(1, 0, 160, 96)) == sides


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_cut_headers_crop_nothing(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    recipes.write(path, WHOLE)
    if suffix == ".mkv":
        with_pixel_crop(path)
        container = "matroska,webm"
    else:
        with_clean_aperture(path, (128, 1, 80, 1, -8, 1, -4, 1))
        container = "mov,mp4,m4a,3gp,3g2,mj2"
    data = path.read_bytes()
    track = Track(1, 0, 160, 96)
    found = crop_of(path, container, track)
    assert found == (LEFT, TOP, RIGHT, BOTTOM)
    for end in range(0, len(data), 41):
        path.write_bytes(data[:end])
        sides = crop_of(path, container, track)
        assert all(0 <= side <= whole for side, whole in zip(sides, found, strict=True))
