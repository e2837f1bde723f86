"""ClipModel and AudioModel: which windows they get, and what becomes of their tags' times."""

from __future__ import annotations

import os
import wave
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml import AudioModel, ClipModel, FrameTag, Tag, merge_runs, tag_files
from common_ml.errors import LimitError, ModelOutputError, NoStreamError
from common_ml.media.audio import read_audio
from common_ml.tagging.description import kind_of
from common_ml.tagging.messages import FrameInfo
from tests.media import recipes
from tests.tagging.child import Child

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Clips(ClipModel):
    clip_seconds: float = 1
    stride_seconds: float | None = 0.5
    num_frames: int | None = 4

    def __init__(self, found: Sequence[FrameTag | Tag] = (FrameTag("a", track="t"),)) -> None:
        self.found = found
        self.times: list[list[float]] = []
        self.shapes: set[tuple[int, ...]] = set()

    def tag_clip(self, frames: Any, times: Any) -> Sequence[FrameTag | Tag]:
        self.times.append(times.tolist())
        self.shapes.add(frames.shape)
        return self.found


class Sounds(AudioModel):
    sample_rate = 8000
    window_seconds = 1
    overlap_seconds = 0.25

    def __init__(self, found: Sequence[FrameTag | Tag] = (FrameTag("a", confidence=0.5),)) -> None:
        self.found = found
        self.windows_heard: list[tuple[float, np.ndarray[Any, Any]]] = []

    def tag_audio(self, samples: Any, start_seconds: float) -> Sequence[FrameTag | Tag]:
        self.windows_heard.append((start_seconds, samples))
        return self.found


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """45 frames at 20 a second: 2.25 s."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    recipes.write(path, recipes.Video(num_frames=45, rate=Fraction(20)))
    return str(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> str:
    """2.4 s of noise."""
    path = tmp_path_factory.mktemp("media") / "sound.wav"
    noise = np.random.default_rng(0).integers(-9999, 9999, 19200).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(noise.tobytes())
    return str(path)


def test_the_last_window_may_be_shorter_and_what_lies_behind_the_end_is_cut(sound: str) -> None:
    model = Sounds([Tag(500, 950, "late"), Tag(950, 990, "behind")])
    model.pads_last_window = False

    tags = tag_files(model, sound)

    assert [len(samples) for _, samples in model.windows_heard] == [8000, 8000, 7200]
    assert spans(tags)[-2:] == [(2000, 2400), (2400, 2400)]
    assert spans(tags)[:2] == [(500, 950), (950, 990)]


def spans(tags: Sequence[Tag]) -> list[tuple[int, int]]:
    return [(tag.start_time, tag.end_time) for tag in tags]


def test_a_clip_model_gets_overlapping_clips_and_its_tags_cover_them(clip: str) -> None:
    model = Clips()

    tags = tag_files(model, clip)

    assert model.times == [
        pytest.approx([0, 0.25, 0.5, 0.75]),
        pytest.approx([0.5, 0.75, 1, 1.25]),
        pytest.approx([1, 1.25, 1.5, 1.75]),
        pytest.approx([1.5, 1.75, 2, 2.2]),  # beyond the end: the last frame
    ]
    assert model.shapes == {(4, 96, 160, 3)}
    assert spans(tags) == [(0, 1000), (500, 1500), (1000, 2000), (1500, 2250)]
    assert tags[0] == Tag(0, 1000, "a", clip, "t")


def test_an_audio_model_gets_what_read_audio_gives(sound: str) -> None:
    model = Sounds()

    tags = tag_files(model, sound)

    assert [start for start, _ in model.windows_heard] == [0, 0.75, 1.5]
    whole = np.zeros(20000, np.float32)
    whole[:19200] = read_audio(sound, 8000)
    for start, samples in model.windows_heard:
        first = round(start * 8000)
        assert np.array_equal(samples, whole[first : first + 8000])
    assert spans(tags) == [(0, 1000), (750, 1750), (1500, 2400)]
    assert tags[0] == Tag(0, 1000, "a", sound, confidence=0.5)


def test_times_of_tags_count_from_their_window(clip: str) -> None:
    model = Clips([
        Tag(100, 200, "within"),
        Tag(0, 300, "from its start"),
        Tag(tag="whole"),
        Tag(1400, 1400, "frame", frame_info=FrameInfo(28)),
    ])  # fmt: skip

    tags = tag_files(model, clip)

    assert spans(tags[4:8]) == [(600, 700), (500, 800), (500, 1500), (1400, 1400)]


def test_what_is_set_in_init_counts(clip: str) -> None:
    class Longer(Clips):
        def __init__(self) -> None:
            super().__init__()
            self.clip_seconds: float = 2
            self.stride_seconds: float | None = None
            self.num_frames: int | None = None

    model = Longer()

    assert spans(tag_files(model, clip)) == [(0, 2000), (2000, 2250)]
    assert [len(times) for times in model.times] == [40, 5]


def test_runs_of_windows_are_shaped_like_those_of_frames(clip: str) -> None:
    assert spans(tag_files(Clips(), clip, run_gap_seconds=0.1)) == [(0, 2250)]
    assert tag_files(Clips(), clip, run_gap_seconds=0.1)[0].additional_info == {"num_tags": 4}
    plain = tag_files(Clips(), clip)
    assert list(tag_files(Clips(), clip, run_gap_seconds=0.1)) == merge_runs(plain, gap_seconds=0.1)


def test_a_still_image_is_a_clip_that_stands_still(tmp_path: Path) -> None:
    import cv2

    path = str(tmp_path / "a.png")
    cv2.imwrite(path, recipes.picture(1, 160, 96)[..., ::-1])
    model = Clips()

    assert list(tag_files(model, path)) == [Tag(0, 0, "a", path, "t")]
    assert (model.times, model.shapes) == ([[0, 0, 0, 0]], {(4, 96, 160, 3)})


def test_a_file_without_what_the_model_needs_fails(clip: str, sound: str) -> None:
    with pytest.raises(NoStreamError):
        tag_files(Clips(), sound)
    with pytest.raises(NoStreamError):
        tag_files(Sounds(), clip)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, r"Clips.tag_clip, from 0.000 s, must return a list of Tag, got None; hint"),
        (["a"], r"Clips.tag_clip, from 0.000 s, must return a list of Tag, got str at \[0\]"),
        (
            [FrameTag("a", box={"x1": 0, "y1": 0, "x2": 1, "y2": 1})],
            r"a FrameTag with a box, which does not say of which frame; hint: return Tag",
        ),
    ],
)
def test_what_is_no_list_of_tags_is_told_with_its_place(
    clip: str, found: Any, message: str
) -> None:
    with pytest.raises(ModelOutputError, match=message):
        tag_files(Clips(found), clip)


def test_a_size_beyond_the_limit_is_refused(clip: str) -> None:
    with pytest.raises(LimitError):
        tag_files(Clips(), clip, max_pixels=1000)


def test_they_are_described_as_models_of_whole_files() -> None:
    assert (kind_of(Clips), kind_of(Sounds)) == ("av", "av")


MAIN = """
from common_ml import ClipModel, FrameTag, run_default

class First(ClipModel):
    clip_seconds = 0.5
    num_frames = 2

    def tag_clip(self, frames, times):
        if times[0] == 1.0:
            open("gate").read()  # until the test has seen the others
        if times[0] == 1.5:
            raise RuntimeError("the fourth")
        return [FrameTag(f"{times[0]:.1f}")]

run_default(First())
"""


def test_tags_are_written_clip_by_clip_and_a_failure_names_the_method(
    tmp_path: Path, clip: str
) -> None:
    """The first two clips' tags are in the output while the third is being tagged."""
    program, gate = tmp_path / "main.py", tmp_path / "gate"
    program.write_text(MAIN)
    os.mkfifo(gate)
    with Child(program) as child:
        child.send(clip)
        first = [child.next_message()["data"]["tag"] for _ in range(2)]
        gate.write_text("")
        outcome = child.finish()

    assert first == ["0.0", "0.5"]
    assert [message["type"] for message in outcome.messages] == ["tag", "error"]
    assert outcome.messages[1]["data"]["message"] == "RuntimeError: the fourth"
