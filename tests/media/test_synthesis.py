"""Synthesised media, as other libraries read them."""

from __future__ import annotations

import wave
from itertools import pairwise
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from common_ml.media.kinds import media_kind
from common_ml.media.synthesis import (
    SAMPLE_RATE,
    picture,
    speech,
    write_clip,
    write_picture,
    write_sound,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["a.mp4", "100 % ü.mov", "a.mkv"])
def test_a_clip_has_as_many_frames_as_asked_and_a_cut(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / name, seconds=1, rate=20, words=("ONE", "TWO"))

    with av.open(f"file:{path}") as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        assert file.streams.audio[0].codec_context.sample_rate == SAMPLE_RATE
    assert len(frames) == 20
    assert frames[0].shape == (240, 320, 3)
    changes = [np.abs(one.astype(int) - two.astype(int)).mean() for one, two in pairwise(frames)]
    assert np.argmax(changes) == 9  # between the tenth frame and the eleventh
    assert media_kind(path) == "video"


def test_a_clip_without_sound_has_no_sound(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=0.5, sound=False)

    with av.open(str(path)) as file:
        assert len(file.streams.audio) == 0


def test_a_clip_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    one, two = (write_clip(tmp_path / name, seconds=0.5) for name in ("a.mp4", "b.mp4"))

    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("name", ["a.png", "100 % ü.JPG"])
def test_a_picture_is_what_was_drawn(tmp_path: Path, name: str) -> None:
    path = write_picture(tmp_path / name, word="CAT", size=(160, 96))

    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    drawn = picture("CAT", size=(160, 96)).astype(int)
    assert pixels.shape == (96, 160, 3)
    assert np.abs(pixels - drawn).mean() < (0.01 if name.endswith("png") else 12)


def test_a_letter_has_its_shape() -> None:
    """A T: a bar over a stem, seven dots high and five wide."""
    image = picture("T", size=(70, 140))

    dots = (image.min(axis=2) == 255)[35:105:10, 5:55:10]  # drawn ten pixels to a dot
    assert ["".join("#" if dot else "." for dot in row) for row in dots] == [
        "#####",
        *["..#.."] * 6,
    ]


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.m4a", "a.mp3"])
def test_a_sound_lasts_as_long_as_asked(tmp_path: Path, name: str) -> None:
    path = write_sound(tmp_path / name, seconds=1)

    with av.open(str(path)) as file:
        num_samples = sum(frame.samples for frame in file.decode(audio=0))
    assert num_samples / SAMPLE_RATE == pytest.approx(1, abs=0.15)  # codecs pad
    assert media_kind(path) == "audio"


def test_a_wave_file_holds_the_very_samples(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", seconds=0.25)

    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples / 32767 - speech(0.25)).max() < 1e-4


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.png"):
        write_picture(tmp_path / "a.gif")
    with pytest.raises(ValueError, match=r"must end in \.wav"):
        write_sound(tmp_path / "a.txt")
    with pytest.raises(ValueError, match="longer than 0 seconds"):
        write_sound(tmp_path / "a.wav", seconds=0)
    with pytest.raises(ValueError, match="needs a frame and a word"):
        write_clip(tmp_path / "a.mp4", words=())
