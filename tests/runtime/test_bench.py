"""A tagger measured: against what is known of it, and inside against outside."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import TaggerError
from common_ml.media.synthesis import write_clip, write_picture
from common_ml.runtime.advice import advice
from common_ml.runtime.bench import Measurement, measure

if TYPE_CHECKING:
    from pathlib import Path

SLOW = """
import time
from common_ml import {base}, FrameTag, catch_errors, run_default

class Slow({base}):
    batch_size = 4

    def tag_frame(self, img):
        time.sleep({seconds})
        return [FrameTag("a")]

    def tag_frames(self, imgs):
        time.sleep({seconds})
        return [[FrameTag("a")] for _ in imgs]

if __name__ == "__main__":
    time.sleep({loading})
    with catch_errors():
        run_default(Slow())
"""


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of 24 frames each."""
    return write_clip(tmp_path / "clip.mp4", size=(64, 48))


def slow_tagger(
    folder: Path, *, base: str = "FrameModel", seconds: float = 0.05, loading: float = 0.0
) -> str:
    """A main.py whose model takes a known time for a call."""
    main = folder / "main.py"
    main.write_text(SLOW.format(base=base, seconds=seconds, loading=loading))
    return str(main)


def test_known_sleeps_are_found_where_they_are(tmp_path: Path, clip: Path) -> None:
    """A sleep lasts at least as long as it says; the rest must be somewhere else."""
    main = slow_tagger(tmp_path, seconds=0.05, loading=0.25)

    found = measure(main, [clip], params={"fps": 10})

    assert (found.num_files, found.num_frames, found.num_calls) == (1, 20, 20)
    assert found.stages["model"] >= 20 * 0.05
    assert found.loading_seconds >= 0.25
    assert found.media_seconds == pytest.approx(2, abs=0.05)
    # all that was measured inside lies within what passed outside
    assert found.loading_seconds + found.tagging_seconds <= found.total_seconds
    assert sum(found.stages.values()) == found.tagging_seconds
    assert all(seconds >= 0 for seconds in found.stages.values())
    assert found.tagging_seconds - found.stages["model"] <= found.total_seconds - 20 * 0.05 - 0.25
    assert found.times_real_time == found.media_seconds / found.tagging_seconds
    assert found.cpu_seconds > 0
    assert found.peak_memory_bytes > 10_000_000


def test_a_batch_is_one_call(tmp_path: Path, clip: Path) -> None:
    main = slow_tagger(tmp_path, base="BatchFrameModel", seconds=0.05)

    found = measure(main, [clip], params={"fps": 10})

    assert (found.kind, found.batch_size) == ("batch", 4)
    assert found.frames_per_call == 4
    assert found.stages["model"] >= 5 * 0.05


def test_pictures_have_no_real_time(tmp_path: Path) -> None:
    main = slow_tagger(tmp_path, seconds=0)
    pictures = [write_picture(tmp_path / f"{n}.png", number=n) for n in range(3)]

    found = measure(main, pictures)

    assert found.times_real_time is None
    assert (found.num_frames, found.num_files) == (3, 3)
    assert found.frames_per_second is not None


def test_failed_files_are_counted(tmp_path: Path, clip: Path) -> None:
    main = slow_tagger(tmp_path, seconds=0)
    (tmp_path / "broken.mp4").write_bytes(b"no film")

    found = measure(main, [tmp_path / "broken.mp4", clip], params={"continue_on_error": True})

    assert (found.num_files, found.num_failed) == (1, 1)


def test_a_program_without_the_sdk_is_an_error(tmp_path: Path, clip: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text(
        "import json, sys\n"
        "with open(sys.argv[sys.argv.index('--output-path') + 1], 'a') as tags:\n"
        "    for line in sys.stdin:\n"
        "        data = {'source_media': line.strip()}\n"
        "        print(json.dumps({'type': 'progress', 'data': data}), file=tags, flush=True)\n"
    )

    with pytest.raises(TaggerError, match=r"wrote no profile; hint: .*common-ml run"):
        measure(str(main), [clip])


def test_another_format_of_the_profile_is_an_error(tmp_path: Path, clip: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text(
        "import json, os, sys\n"
        "with open(os.environ['COMMON_ML_PROFILE'], 'w') as profile:\n"
        "    json.dump({'profile': 99}, profile)\n"
        "with open(sys.argv[sys.argv.index('--output-path') + 1], 'a') as tags:\n"
        "    for line in sys.stdin:\n"
        "        data = {'source_media': line.strip()}\n"
        "        print(json.dumps({'type': 'progress', 'data': data}), file=tags, flush=True)\n"
    )

    with pytest.raises(TaggerError, match="expected profile format 1, got 99"):
        measure(str(main), [clip])


def test_an_image_is_no_program(clip: Path) -> None:
    with pytest.raises(TaggerError, match=r"name its main\.py"):
        measure("localhost/tagger:1", [clip])


def test_a_tagger_that_fails_says_why(tmp_path: Path, clip: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text("raise SystemExit('the weights are missing')")

    with pytest.raises(TaggerError, match="the weights are missing"):
        measure(str(main), [clip])


def made(**changes: object) -> Measurement:
    """A run in which nothing stands out, but for the changes."""
    balanced = Measurement(
        tagger="python main.py",
        model="Made",
        kind="frame",
        batch_size=None,
        num_files=1,
        num_failed=0,
        num_tags=100,
        num_frames=100,
        num_calls=100,
        media_seconds=100.0,
        total_seconds=11.0,
        loading_seconds=1.0,
        stages={"decode": 4.5, "model": 4.5, "write": 0.5, "idle": 0.0, "other": 0.5},
        cpu_seconds=18.0,
        num_cpus=2,
        peak_memory_bytes=100_000_000,
        gpu_peak_bytes={},
    )
    return replace(balanced, **changes)  # type: ignore[arg-type] # names and types as above


def stages_of(**seconds: float) -> dict[str, float]:
    """Ten seconds: those given, the rest shared by decoder and model."""
    others = {"decode", "model"} - set(seconds)
    rest = 10 - sum(seconds.values())
    shared = dict.fromkeys(others, rest / len(others) if others else 0.0)
    return {"write": 0.0, "idle": 0.0, "other": 0.0, **shared, **seconds}


@pytest.mark.parametrize(
    ("changes", "starts", "names"),
    [
        ({}, "balanced", ""),
        ({"stages": stages_of(decode=8)}, "decode-bound (80%)", "the decoder uses all 2"),
        (
            {"stages": stages_of(decode=8), "cpu_seconds": 9.0},
            "decode-bound",
            "more workers: common-ml run --jobs 2",
        ),
        ({"stages": stages_of(decode=8), "kind": "av"}, "decode-bound", "max_size"),
        ({"stages": stages_of(model=8)}, "model-bound (80%)", "BatchFrameModel"),
        (
            {"stages": stages_of(model=8), "kind": "batch", "batch_size": 4, "num_calls": 25},
            "model-bound",
            "a larger batch_size than 4",
        ),
        (
            {"stages": stages_of(model=8), "kind": "batch", "batch_size": 16, "num_calls": 50},
            "model-bound",
            "a call got 2.0 frames of 16",
        ),
        ({"stages": stages_of(model=8), "kind": "av"}, "model-bound", "py-spy"),
        ({"stages": stages_of(model=8), "cpu_seconds": 5.0}, "model-bound", "--jobs 2"),
        ({"stages": stages_of(write=4)}, "write-bound (40%)", "additional_info"),
        ({"stages": stages_of(other=4), "kind": "batch"}, "other-bound", "copied together"),
        ({"stages": stages_of(idle=4, write=0.2)}, "idle 40%", "batch_timeout"),
        ({"loading_seconds": 8.0, "total_seconds": 12.0}, "start-bound: 8.0 of 12.0 s", "import"),
    ],
)
def test_advice_follows_from_the_shares(
    changes: dict[str, object], starts: str, names: str
) -> None:
    first, *_ = advice(made(**changes))

    assert first.startswith(starts)
    assert names in first


def test_what_takes_most_comes_first() -> None:
    found = advice(made(stages=stages_of(model=6, write=3, decode=1)))

    assert [sentence.partition("-bound")[0] for sentence in found] == ["model", "write"]


def test_idle_time_is_not_held_against_a_stage() -> None:
    """Of the four busy seconds the decoder took three."""
    first, second = advice(made(stages=stages_of(idle=6, decode=3, model=1)))

    assert first.startswith("decode-bound (75%)")
    assert second.startswith("idle 60%")


def test_python_itself_is_the_one_that_is_named(tmp_path: Path, clip: Path) -> None:
    found = measure(slow_tagger(tmp_path, seconds=0), [clip], python=sys.executable)

    assert found.tagger == "python -u main.py"
