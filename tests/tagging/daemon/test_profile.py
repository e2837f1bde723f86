"""The profile of a job: its stages add up, and it changes nothing."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.media.audio import read_audio
from common_ml.media.decode import sample
from common_ml.media.images import write_png
from common_ml.media.synthesis import write_clip
from common_ml.stages import Stopwatch
from common_ml.tagging.daemon import profile
from common_ml.tagging.daemon.profile import VARIABLE, gpu_peak_bytes, peak_memory_bytes
from common_ml.tagging.messages import Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.producer import TagMessageProducer
from common_ml.tagging.run_helpers import run_default

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.tagging.messages import Message


class Clock:
    """Real but for what models add: known seconds, which nobody has to wait for."""

    def __init__(self) -> None:
        self.added = 0.0

    def __call__(self) -> float:
        return self.added  # nothing else takes any time

    def work(self, seconds: float) -> None:
        self.added += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(profile, "Stopwatch", lambda: Stopwatch(made))
    return made


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Twelve frames, of which 4 a second are six."""
    return write_clip(tmp_path / "clip.mp4", seconds=1.5, rate=8, size=(64, 48))


def profile_of(
    model: Any, *files: Path, monkeypatch: pytest.MonkeyPatch, params: str = '{"fps": 4}'
) -> dict[str, Any]:
    """Run a model as a job; its profile."""
    folder = files[0].parent
    target = folder / "profile.json"
    monkeypatch.setenv(VARIABLE, str(target))
    output = folder / "tags.jsonl"
    monkeypatch.setattr(sys, "argv", ["main.py", "--output-path", str(output), "--params", params])
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{file}\n" for file in files)))
    run_default(model, batch_timeout=0)
    facts: dict[str, Any] = json.loads(target.read_text())
    return facts


def test_the_seconds_of_a_frame_model_are_its_own(
    clock: Clock, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(FrameModel):
        def tag_frame(self, img: np.ndarray[Any, Any]) -> list[FrameTag]:
            clock.work(0.5)
            return [FrameTag("a")]

    facts = profile_of(Slow(), clip, monkeypatch=monkeypatch)

    assert facts["stages"] == {"decode": 0, "model": 3.0, "write": 0, "idle": 0, "other": 0}
    assert facts["counts"] == {"frames": 6, "calls": 6}
    assert facts["model"] == {"name": "Slow", "kind": "frame", "batch_size": None}


def test_a_batch_model_is_called_less_often(
    clock: Clock, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(BatchFrameModel):
        batch_size = 4

        def tag_frames(self, imgs: np.ndarray[Any, Any]) -> list[list[FrameTag]]:
            clock.work(1)
            return [[] for _ in imgs]

    facts = profile_of(Slow(), clip, monkeypatch=monkeypatch)

    assert facts["stages"]["model"] == 2
    assert facts["counts"] == {"frames": 6, "calls": 2}
    assert facts["model"] == {"name": "Slow", "kind": "batch", "batch_size": 4}


def test_what_a_model_decodes_itself_is_decoding(
    clock: Clock, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With common-ml's own decoder, whose frames and sound an AVModel waits for."""
    monkeypatch.setattr("common_ml.media.sound._resampled", slowed("_resampled", clock, 0.25))

    class Slow(AVModel):
        def tag(self, fpath: str) -> Iterator[Tag]:  # type: ignore[override] # it is taken
            clock.work(1)
            with sample(fpath, fps=None) as frames:
                for frame in frames:
                    clock.work(0.5)
                    yield Tag(tag=str(frame.index))
            assert read_audio(fpath).any()

    facts = profile_of(Slow(), clip, monkeypatch=monkeypatch, params="{}")

    assert facts["stages"]["model"] == 1 + 12 * 0.5
    assert facts["stages"]["decode"] > 0
    assert facts["stages"]["decode"] % 0.25 == 0
    assert facts["counts"] == {"frames": 12, "calls": 1}
    assert facts["model"]["kind"] == "av"


def test_writing_is_a_stage(clock: Clock, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from common_ml.tagging.wire import Writer

    write = Writer.write

    def slow_write(writer: Writer, message: Message) -> None:
        clock.work(0.125)
        write(writer, message)

    monkeypatch.setattr(Writer, "write", slow_write)

    class Quick(FrameModel):
        def tag_frame(self, img: np.ndarray[Any, Any]) -> list[FrameTag]:
            return [FrameTag("a")]

    facts = profile_of(Quick(), clip, monkeypatch=monkeypatch)

    # six frames, one range, the progress
    assert facts["stages"] == {"decode": 0, "model": 0, "write": 1.0, "idle": 0, "other": 0}


def test_an_authors_producer_is_the_model(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(TagMessageProducer):
        def produce(self, files: list[str]) -> Iterator[Message]:
            for file in files:
                clock.work(1)
                yield Progress(file)

        def on_completion(self) -> Iterator[Message]:
            clock.work(4)
            return iter(())

    (tmp_path / "a").touch()
    facts = profile_of(Slow(), tmp_path / "a", tmp_path / "b", monkeypatch=monkeypatch, params="{}")

    assert facts["stages"]["model"] == 6
    assert facts["model"] == {"name": "Slow", "kind": "producer", "batch_size": None}


def test_still_pictures_are_frames(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [tmp_path / f"{name}.png" for name in "abc"]
    for picture in pictures:
        write_png(picture, np.zeros((4, 6, 3), np.uint8))

    class Slow(FrameModel):
        def tag_frame(self, img: np.ndarray[Any, Any]) -> list[FrameTag]:
            clock.work(1)
            return []

    facts = profile_of(Slow(), *pictures, monkeypatch=monkeypatch, params="{}")

    assert facts["stages"]["model"] == 3
    assert facts["counts"] == {"frames": 3, "calls": 3}


def test_a_job_that_fails_has_a_profile_too(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(FrameModel):
        def tag_frame(self, img: np.ndarray[Any, Any]) -> list[FrameTag]:
            raise RuntimeError("no weights")

    with pytest.raises(Exception, match="no weights"):
        profile_of(Broken(), clip, monkeypatch=monkeypatch)

    assert json.loads((clip.parent / "profile.json").read_text())["counts"]["calls"] == 1


def test_a_profile_that_cannot_be_written_fails_no_job(
    clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Quick(FrameModel):
        def tag_frame(self, img: np.ndarray[Any, Any]) -> list[FrameTag]:
            return []

    (clip.parent / "profile.json").mkdir()
    with pytest.raises(IsADirectoryError):  # the test reads it; the job has ended well
        profile_of(Quick(), clip, monkeypatch=monkeypatch)

    assert '"progress"' in (clip.parent / "tags.jsonl").read_text()
    assert "the profile cannot be written" in caplog.text


def test_the_peak_is_that_of_this_process() -> None:
    before = peak_memory_bytes()
    block = np.ones(64 * 1024 * 1024 + before, np.uint8)

    assert peak_memory_bytes() >= block.nbytes
    assert before > 1024 * 1024


def test_a_gpu_counts_where_torch_has_used_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the four functions of torch.cuda that are asked; no GPU is here to ask."""
    peaks = {0: 3_000_000, 1: 0}
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        device_count=lambda: 2,
        get_device_name=lambda number: f"Made {number}",
        max_memory_reserved=peaks.__getitem__,
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert gpu_peak_bytes() == {"cuda:0 Made 0": 3_000_000}

    cuda.is_initialized = lambda: False
    assert gpu_peak_bytes() == {}
    monkeypatch.delitem(sys.modules, "torch")
    assert gpu_peak_bytes() == {}


def slowed(name: str, clock: Clock, seconds: float) -> Any:
    """A generator of the sound's module, each block of which takes so long."""
    from common_ml.media import sound

    original = getattr(sound, name)

    def slow(*args: Any) -> Iterator[Any]:
        for block in original(*args):
            clock.work(seconds)
            yield block

    return slow
