"""Compare the media engine with a sequential decode of all frames, by clip and strategy."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import av
import numpy as np
import pytest

from common_ml.media import decode
from tests.media import corpus, reference

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence
    from pathlib import Path

    from _pytest.mark import ParameterSet

Strategy = Literal["auto", "sequential", "threaded", "groups"]

MODES: dict[str, tuple[Strategy, int | None]] = {
    "auto": ("auto", None),
    "sequential": ("sequential", 1),
    "threaded": ("threaded", 2),
    "groups_1": ("groups", 1),
    "groups_2": ("groups", 2),
    "groups_4": ("groups", 4),
}
RATES = ("0.3", "1", "2", "7")
QUICK_CLIPS = {
    *("h264_gop_12", "h264_open_gop", "hevc_open_gop", "vp9_alt_ref", "av1", "mpeg2_ts"),
    *("mpeg4_avi_b_frames", "mjpeg_mov", "gif", "mkv", "raw_h264"),
}
"""One of each mechanism; the others multiply them."""
QUICK_MODES = {"auto", "groups_2"}


def _cases(names: Iterable[str], quick: Container[str]) -> list[str | ParameterSet]:
    """Names as parameters; `make test` leaves out those that are not quick."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


_WHOLE = [name for name, clip in corpus.CLIPS.items() if clip.health == "whole"]
_BROKEN = [name for name, clip in corpus.CLIPS.items() if clip.health != "whole"]
ALL_MODES = _cases(MODES, QUICK_MODES)
WHOLE = _cases(_WHOLE, QUICK_CLIPS)
BROKEN = _cases(_BROKEN, _BROKEN[:4])


@dataclass(frozen=True)
class Case:
    """A clip on disk, and what is in it."""

    path: Path
    truth: reference.Reference
    undefined: range

    def check(self, frames: Iterable[decode.Frame], indices: Sequence[int]) -> None:
        """The frames are those at `indices`: number, time, and every value of every pixel."""
        taken = list(frames)
        assert [frame.index for frame in taken] == list(indices)
        assert [frame.seconds for frame in taken] == [float(self.truth.times[n]) for n in indices]
        wrong = [
            frame.index
            for frame in taken
            if frame.index not in self.undefined
            and not np.array_equal(frame.rgb, self.truth.pictures[frame.index].rgb)
        ]
        assert wrong == [], "these frames have other pixels"

    def sample(self, mode: str, rate: str | None) -> decode.FrameStream:
        strategy, workers = MODES[mode]
        fps = None if rate is None else float(rate)
        return decode.sample(self.path, fps=fps, strategy=strategy, workers=workers)


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    directory = tmp_path_factory.mktemp("corpus")

    @functools.lru_cache(maxsize=8)  # the tests of one clip follow one another
    def make(name: str) -> Case:
        path = corpus.build(name, directory)
        return Case(path, reference.decode(path), corpus.CLIPS[name].undefined)

    return make


def test_corpus_is_broad() -> None:
    assert len(corpus.CLIPS) >= 40
    assert {clip.suffix for clip in corpus.CLIPS.values()} >= {
        *(".mp4", ".mov", ".mkv", ".webm", ".ts", ".avi", ".flv", ".mpg", ".h264", ".hevc", ".gif")
    }


@pytest.mark.parametrize("name", WHOLE)
def test_no_two_frames_of_a_clip_look_alike(name: str, case: Callable[[str], Case]) -> None:
    """A frame taken for its neighbour would be seen: the comparisons below can fail."""
    truth = case(name).truth
    looks = {picture.rgb.tobytes() for picture in truth.pictures}
    assert len(looks) == len(truth.pictures) > 0
    assert truth.complaint == ""


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize("name", WHOLE)
def test_sampling_takes_what_its_definition_says(
    name: str, mode: str, case: Callable[[str], Case]
) -> None:
    clip = case(name)
    for rate in RATES:
        indices = reference.sampled(clip.truth.times, Fraction(rate))
        with clip.sample(mode, rate) as frames:
            clip.check(frames, indices)


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize("name", WHOLE)
def test_native_rate_gives_every_frame(name: str, mode: str, case: Callable[[str], Case]) -> None:
    clip = case(name)
    with clip.sample(mode, None) as frames:
        clip.check(frames, range(len(clip.truth.pictures)))


@pytest.mark.parametrize("name", WHOLE)
def test_frames_come_in_the_order_in_which_they_are_asked_for(
    name: str, case: Callable[[str], Case]
) -> None:
    clip = case(name)
    dice = random.Random(name)
    last = len(clip.truth.pictures) - 1
    for count in (1, 1, 3, 12):
        indices = [dice.randint(0, last) for _ in range(count)]  # out of order, some twice
        clip.check(decode.frames(clip.path, indices), indices)
    clip.check(decode.frames(clip.path, [last]), [last])


@pytest.mark.parametrize("name", WHOLE)
def test_frames_at_a_time_are_the_nearest(name: str, case: Callable[[str], Case]) -> None:
    clip = case(name)
    times = clip.truth.times
    dice = random.Random(name)
    seconds = [dice.uniform(0, float(times[-1])) for _ in range(4)]
    seconds += [0.0, float(times[-1]), float(times[len(times) // 2])]
    indices = [reference.nearest_frame(times, Fraction(point)) for point in seconds]
    clip.check(decode.frames_at(clip.path, seconds), indices)


@pytest.mark.parametrize("name", WHOLE)
def test_keyframes_are_those_of_the_decoder(name: str, case: Callable[[str], Case]) -> None:
    clip = case(name)
    for strategy, workers in MODES.values():
        frames = decode.keyframes(clip.path, strategy=strategy, workers=workers)
        clip.check(frames, clip.truth.keyframes)


@pytest.mark.parametrize("mode", ALL_MODES)
def test_a_stream_that_is_left_in_the_middle_can_be_started_again(
    mode: str, case: Callable[[str], Case]
) -> None:
    clip = case("h264_gop_12")
    for _ in range(5):
        with clip.sample(mode, None) as frames:
            clip.check([next(frames), next(frames)], [0, 1])
    with clip.sample(mode, None) as frames:
        clip.check(frames, range(len(clip.truth.pictures)))


WITHOUT_PACKETS = {"damaged_mkv", "damaged_ffv1", "damaged_ts", "truncated_ts"}
"""Whole packets are gone, with what says that they were there: places count what is left."""


@pytest.mark.parametrize("mode", ALL_MODES)
@pytest.mark.parametrize("name", BROKEN)
def test_whole_pictures_of_a_broken_file_come_out_and_keep_their_places(
    name: str, mode: str, case: Callable[[str], Case]
) -> None:
    """As a plain decode that goes on after what is refused, and leaves out what is marked."""
    clip = case(name)
    whole = reference.usable_pictures(clip.path)
    with clip.sample(mode, None) as frames:
        taken = list(frames)
    assert [frame.seconds for frame in taken] == [float(picture.time) for picture in whole]
    if name not in WITHOUT_PACKETS:
        period = 1 / corpus.RATE
        assert [frame.index for frame in taken] == [round(p.time / period) for p in whole]
    assert all(
        np.array_equal(frame.rgb, picture.rgb) for frame, picture in zip(taken, whole, strict=True)
    )
    by_place = {frame.index: frame.seconds for frame in taken}
    with clip.sample(mode, "7") as frames:
        assert all(by_place[frame.index] == frame.seconds for frame in frames)


COLOURED = (
    *("h264_gop_12", "h264_422", "h264_444", "colour_full_range", "colour_bt709"),
    *("colour_bt2020", "colour_untagged_hd", "mjpeg_avi"),
)


@pytest.mark.parametrize("name", COLOURED)
def test_reference_colours_are_those_of_the_standards(
    name: str, case: Callable[[str], Case]
) -> None:
    """The twin itself is held against the formulas, within what chroma interpolation changes."""
    with av.open(str(case(name).path)) as container:
        frame = next(container.decode(video=0))
        by_swscale = reference.upright_rgb(frame).astype(int)
        by_formula = reference.rgb_by_formula(frame).astype(int)
    assert np.abs(by_swscale - by_formula).mean() < 2.5
    assert np.abs((by_swscale - by_formula).mean(axis=(0, 1))).max() < 2


def test_turned_clips_are_upright(case: Callable[[str], Case]) -> None:
    plain = case("mov").truth.pictures[0].rgb
    for name, quarter_turns in (("rotated_90", -1), ("rotated_180", 2), ("rotated_270", 1)):
        turned = case(name).truth.pictures[0].rgb
        assert np.array_equal(turned, np.rot90(plain, quarter_turns)), name
