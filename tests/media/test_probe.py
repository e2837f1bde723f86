from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import DecodeError, MissingMediaError
from common_ml.media.probe import AudioStream, MediaFacts, VideoStream, probe
from tests.media import corpus

if TYPE_CHECKING:
    from pathlib import Path


def video(path: Path) -> VideoStream:
    found = probe(path).video
    assert found is not None
    return found


def test_facts_of_a_video_with_sound(tmp_path: Path) -> None:
    path = corpus.build("sound_mp4", tmp_path)
    facts = probe(path)
    assert isinstance(facts, MediaFacts)
    assert facts.path == path
    assert facts.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert facts.video == VideoStream(
        index=0,
        width=160,
        height=96,
        average_rate=Fraction(24),
        rotation_degrees=0,
        codec="h264",
        pixel_format="yuv420p",
        time_base=Fraction(1, 12288),
        num_frames=60,
        duration_seconds=Fraction(5, 2),
    )
    sound = facts.audio
    assert isinstance(sound, AudioStream)
    assert (sound.index, sound.codec, sound.channels) == (1, "aac", 1)
    assert facts.duration_seconds is not None
    assert abs(facts.duration_seconds - Fraction(5, 2)) < Fraction(1, 10)


@pytest.mark.parametrize(
    ("name", "degrees", "size"),
    [
        ("mov", 0, (160, 96)),
        ("rotated_90", 270, (96, 160)),
        ("rotated_180", 180, (160, 96)),
        ("rotated_270", 90, (96, 160)),
    ],
)
def test_size_is_upright(name: str, degrees: int, size: tuple[int, int], tmp_path: Path) -> None:
    found = video(corpus.build(name, tmp_path))
    assert found.rotation_degrees == degrees
    assert (found.width, found.height) == size


def test_rates_are_exact(tmp_path: Path) -> None:
    assert video(corpus.build("rate_29_97", tmp_path)).average_rate == Fraction(30000, 1001)


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    found = video(corpus.build("cover_art", tmp_path))
    assert (found.codec, found.width) == ("h264", 160)


def test_the_first_of_two_videos_counts(tmp_path: Path) -> None:
    assert video(corpus.build("two_video_streams", tmp_path)).width == 160


def test_a_raw_stream_says_little(tmp_path: Path) -> None:
    found = video(corpus.build("raw_h264", tmp_path))
    assert found.num_frames is None
    assert found.codec == "h264"


def test_a_recording_that_begins_between_keyframes_is_probed(tmp_path: Path) -> None:
    assert video(corpus.build("no_keyframe_at_start_ts", tmp_path)).rotation_degrees == 0


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingMediaError, match=r"no such file: .*film\.mp4"):
        probe(tmp_path / "film.mp4")


def test_junk(tmp_path: Path) -> None:
    path = tmp_path / "junk.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom" + b"nothing that was ever a film " * 40)
    with pytest.raises(DecodeError):
        probe(path)
