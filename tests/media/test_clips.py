"""Clips of a video against a brute-force twin that has all frames in memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common_ml import stages
from common_ml.context import entered
from common_ml.errors import DecodeError, NoStreamError
from common_ml.media import choices
from common_ml.media.clips import VideoClip, video_clips
from common_ml.media.decode import sample
from common_ml.tagging.job.context import JobContext
from tests.media import recipes

if TYPE_CHECKING:
    from pathlib import Path

LINE = "x264-params"


@dataclass
class Film:
    path: Path
    times: list[Fraction]
    period: Fraction
    frames: list[np.ndarray[Any, Any]]


@pytest.fixture(scope="module", params=["24", "30000/1001", "varying"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Film:
    """40 frames at a constant or varying rate, all of them decoded."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    varies = request.param == "varying"
    rate = Fraction(24) if varies else Fraction(request.param)
    times = [
        Fraction(place * 40 + (place * 37 % 19 if place else 0), 1000) if varies else place / rate
        for place in range(40)
    ]
    video = recipes.Video(
        num_frames=40,
        rate=rate,
        options={LINE: "keyint=7:bframes=2"},
        ticks=(lambda place: int(times[place] * 1000)) if varies else None,
        time_base=Fraction(1, 1000) if varies else None,
    )
    recipes.write(path, video)
    with sample(path, fps=None) as stream:
        frames = list(stream)
        period = stream.frame_period_seconds
    assert [frame.seconds for frame in frames] == pytest.approx([float(time) for time in times])
    return Film(path, times, period, [frame.rgb for frame in frames])


def _distance(film: Film, point: Fraction, place: int) -> tuple[Fraction, int]:
    return abs(film.times[place] - point), place


def brute_force(
    film: Film, length: Fraction, stride: Fraction, num: int | None
) -> list[tuple[float, float, list[int]]]:
    """Start, end and places of each clip, by looking at every frame for every one."""
    end = film.times[-1] + film.period
    found: list[tuple[float, float, list[int]]] = []
    shown_until = Fraction(0)
    number = 0
    while number * stride <= film.times[-1]:
        start = number * stride
        number += 1
        if found and not any(time >= shown_until for time in film.times):
            break  # all that is left was in the clip before
        shown_until = start + length
        if num is None:
            places = [n for n, time in enumerate(film.times) if start <= time < start + length]
        else:
            points = [start + step * length / num for step in range(num)]
            places = [
                min(range(len(film.times)), key=partial(_distance, film, point)) for point in points
            ]
        if places:
            found.append((float(start), float(min(start + length, end)), places))
    return found


SECONDS = st.sampled_from(["0.05", "0.1", "0.25", "0.3", "0.5", "0.7", "1", "1.5", "2", "5"])


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(length=SECONDS, stride=st.none() | SECONDS, num=st.none() | st.integers(1, 9))
def test_clips_are_those_of_brute_force(
    film: Film, length: str, stride: str | None, num: int | None
) -> None:
    expected = brute_force(film, Fraction(length), Fraction(stride or length), num)

    found = list(
        video_clips(
            film.path,
            clip_seconds=float(length),
            stride_seconds=None if stride is None else float(stride),
            num_frames=num,
        )
    )

    assert [(clip.start_seconds, clip.end_seconds) for clip in found] == [
        (start, end) for start, end, _ in expected
    ]
    for clip, (_, _, places) in zip(found, expected, strict=True):
        assert clip.first_index == places[0]
        assert clip.times.tolist() == pytest.approx([float(film.times[n]) for n in places])
        assert np.array_equal(clip.frames, [film.frames[n] for n in places])


def test_a_clip_that_ends_with_the_video_is_the_last_one(film: Film) -> None:
    """No clip consists only of what the one before it has shown."""
    length = float(film.times[-1] / 2 + film.period)
    starts = [clip.start_seconds for clip in clips(film, length, stride=length / 2)]

    assert starts == pytest.approx([0, length / 2, length])


def test_each_frame_is_decoded_once(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    monkeypatch.setattr(stages, "tally", counted.append)

    clips(film, 1.0, stride=0.1, num=10)

    assert counted.count("frames") <= len(film.frames)


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    """At most the frames of a clip, the decoder's budget, and no more for ten times the length."""
    peaks = []
    for num_frames in (60, 600):
        path = tmp_path / f"{num_frames}.mp4"
        recipes.write(path, recipes.Video(num_frames=num_frames, rate=Fraction(30)))
        tracemalloc.start()
        iterator = video_clips(
            path, clip_seconds=1, stride_seconds=0.5, num_frames=8, memory_budget_bytes=500_000
        )
        assert sum(1 for _ in iterator) >= 3
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + 1_500_000


def test_a_damaged_frame_is_replaced_by_the_nearest_of_its_clip(tmp_path: Path) -> None:
    """And fails the file where damage does."""
    path = tmp_path / "film.mkv"
    options = {LINE: "keyint=10:scenecut=0:bframes=0"}
    recipes.write(path, recipes.Video(num_frames=60, rate=Fraction(30), options=options))
    recipes.damage(path, 0.5, 400)
    with sample(path, fps=None) as stream:
        whole = {round(frame.seconds, 6) for frame in stream}
    assert len(whole) < 60

    found = list(video_clips(path, clip_seconds=0.5, num_frames=15))

    assert {len(clip.frames) for clip in found} == {15}
    shown = {round(time, 6) for clip in found for time in clip.times.tolist()}
    assert shown == whole
    strict = JobContext(choices.Choices(damage="fail"))
    with entered(strict), pytest.raises(DecodeError):
        list(video_clips(path, clip_seconds=0.5, num_frames=15))


def test_a_change_of_size_within_a_clip_is_told(tmp_path: Path) -> None:
    parts = []
    for width in (160, 320):
        part = tmp_path / f"{width}.ts"
        recipes.write(part, recipes.Video(num_frames=24, rate=Fraction(24), width=width))
        parts.append(part)
    joined = tmp_path / "joined.ts"
    recipes.concatenate(joined, parts)

    with pytest.raises(DecodeError, match=r"change their size within the clip at 0 s: 160x\d+ and"):
        list(video_clips(joined, clip_seconds=4, num_frames=8))


@pytest.mark.parametrize(
    "wrong",
    [{"clip_seconds": 0}, {"clip_seconds": 1, "stride_seconds": -1}, {"clip_seconds": float("nan")},
     {"clip_seconds": 1, "num_frames": 0}],
)  # fmt: skip
def test_wrong_arguments_are_named(film: Film, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        video_clips(film.path, **wrong)


def test_sound_has_no_clips(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(recipes_wav())

    with pytest.raises(NoStreamError):
        list(video_clips(path, clip_seconds=1))


def recipes_wav() -> bytes:
    import io
    import wave

    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    return target.getvalue()


def clips(
    film: Film, length: float, *, stride: float | None = None, num: int | None = 3
) -> list[VideoClip]:
    return list(video_clips(film.path, clip_seconds=length, stride_seconds=stride, num_frames=num))
