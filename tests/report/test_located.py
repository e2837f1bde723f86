"""Find media, and make thumbnails of them."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.media.images import jpeg_bytes, read_image, write_png
from common_ml.media.synthesis import write_sound
from common_ml.report.located import Media, locate
from common_ml.report.thumbnails import LONGER_SIDE, thumbnails
from tests.report.clip import BLOCKS, HEIGHT, RATE, SECONDS, WIDTH, picture

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.report.thumbnails import Thumbnail


def test_the_facts_of_a_video(known_clip: Path) -> None:
    assert locate("media/clip.mp4", [known_clip.parent]) == Media(
        "video", known_clip, WIDTH, HEIGHT, duration_seconds=SECONDS, frame_rate=RATE
    )


def test_the_facts_of_sound(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "talk.wav", seconds=2)

    assert locate("talk.wav", [tmp_path]) == Media("audio", path, duration_seconds=2)


@pytest.mark.parametrize("place", ["media/a.png", "a.png", "deep/media/a.png"])
def test_the_whole_name_comes_before_its_last_part(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, picture(0))

    found = locate("deep/media/a.png", [tmp_path, tmp_path / "deep"])

    assert found.path is not None
    assert found.path.samefile(path)


def test_folders_are_tried_in_order(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_png(tmp_path / name / "a.png", picture(0))

    assert locate("a.png", [tmp_path / "two", tmp_path / "one"]).path == tmp_path / "two" / "a.png"


@pytest.mark.parametrize(
    "name", ["gone.mp4", "", "/", "a\0b.mp4", "x" * 5000, "https://a.example/b.mp4"]
)
def test_what_is_not_here(tmp_path: Path, name: str) -> None:
    found = locate(name, [tmp_path])

    assert found.path is None
    assert found.note == "file not found"


def test_only_media_are_taken(tmp_path: Path) -> None:
    """A tags file from elsewhere must not put other files into a page."""
    (tmp_path / "secret.txt").write_text("password")

    assert locate("../secret.txt", [tmp_path]).path is None
    assert locate(str(tmp_path / "secret.txt"), [tmp_path]).path is None


def test_a_damaged_file_is_linked_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_png(path, picture(0))
    path.write_bytes(path.read_bytes()[:500])

    found = locate("a.png", [tmp_path])

    assert found.path == path
    assert "damaged" in found.note


def test_thumbnails_are_of_their_moments(known_clip: Path) -> None:
    media = locate("clip.mp4", [known_clip.parent])

    made = thumbnails(media, [2500, 500, 1500, 500], limit=10)

    assert [thumbnail.time_ms for thumbnail in made] == [500, 1500, 2500]
    for thumbnail, (left, top, right, bottom) in zip(made, BLOCKS, strict=True):
        pixels = decoded(thumbnail, known_clip.parent)
        assert pixels.shape == (LONGER_SIDE * HEIGHT // WIDTH, LONGER_SIDE, 3)
        scale = LONGER_SIDE / WIDTH
        middle = pixels[int((top + bottom) / 2 * scale), int((left + right) / 2 * scale)]
        assert middle.min() > 240
        assert (pixels.min(axis=2) > 128).mean() == pytest.approx(
            (right - left) * (bottom - top) / (WIDTH * HEIGHT), rel=0.05
        )


def test_of_many_moments_some_are_taken_evenly(known_clip: Path) -> None:
    media = locate("clip.mp4", [known_clip.parent])

    made = thumbnails(media, range(0, 3000, 10), limit=3)

    assert [thumbnail.time_ms for thumbnail in made] == [0, 1000, 2000]


def test_there_are_no_thumbnails_of_sound_and_of_nothing(tmp_path: Path) -> None:
    sound = locate("talk.wav", [write_sound(tmp_path / "talk.wav").parent])

    assert thumbnails(sound, [0], limit=5) == []
    assert thumbnails(Media("video"), [0], limit=5) == []


def test_a_broken_video_gives_what_it_has(tmp_path: Path, known_clip: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(known_clip.read_bytes()[:400])

    assert thumbnails(Media("video", path), [0], limit=5) == []


@pytest.mark.parametrize("shape", [(40, 2000, 3), (2000, 40, 3), (1, 1000, 3), (90, 160, 3)])
def test_a_jpeg_keeps_the_shape_within_its_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    rgb = np.full(shape, (200, 100, 50), np.uint8)
    (tmp_path / "a.jpg").write_bytes(jpeg_bytes(rgb, 192))

    height, width, _ = (small := read_image(tmp_path / "a.jpg")).shape

    assert max(height, width) == min(192, max(shape))
    assert min(height, width) == max(round(min(shape[:2]) * max(height, width) / max(shape)), 1)
    assert np.abs(small.astype(int) - (200, 100, 50)).max() < 8


def decoded(thumbnail: Thumbnail, folder: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    path = folder / "thumbnail.jpg"
    path.write_bytes(base64.b64decode(thumbnail.data_url.removeprefix("data:image/jpeg;base64,")))
    return read_image(path)
