"""Context by signature: who gets it, and what stands in it."""

from __future__ import annotations

import signal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from common_ml import AVModel, BatchFrameModel, FrameContext, FrameModel, FrameTag
from common_ml.context import entered
from common_ml.tagging.job.context import JobContext
from common_ml.tagging.producer import TagMessageProducer
from tests.media import recipes
from tests.tagging.child import Child

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.tagging.models.frame_based import Pixels


class Watches(FrameModel):
    def __init__(self) -> None:
        self.seen: list[FrameContext] = []

    def tag_frame(self, img: Pixels, context: FrameContext) -> list[FrameTag]:
        assert context.size == (img.shape[1], img.shape[0])
        self.seen.append(context)
        return [FrameTag(f"{context.index}")]


class WatchesBatches(BatchFrameModel):
    batch_size = 3

    def __init__(self) -> None:
        self.seen: list[FrameContext] = []
        self.sizes: list[int] = []

    def tag_frames(self, imgs: Pixels, contexts: list[FrameContext]) -> list[list[FrameTag]]:
        if len(imgs) > 2:
            raise MemoryError
        self.sizes.append(len(imgs))
        self.seen += contexts
        return [[FrameTag(f"{context.index}")] for context in contexts]


class HasAnotherArgument(FrameModel):
    """As models of existing repos have: a default of their own."""

    def tag_frame(self, img: Pixels, threshold: float = 0.5) -> list[FrameTag]:
        assert threshold == 0.5
        return [FrameTag("old")]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 4 frames a second."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    recipes.write(path, recipes.Video(num_frames=8, rate=Fraction(4)))
    return path


@pytest.mark.parametrize("kind", [Watches, WatchesBatches, "of one", "av"])
def test_each_frame_comes_with_its_place(clip: Path, kind: Any) -> None:
    watching: Any = Watches() if isinstance(kind, str) else kind()
    model = BatchFrameModel.from_frame_model(watching) if kind == "of one" else watching
    if kind == "av":
        model = AVModel.from_frame_model(watching, 2, allow_single_frame=True)
    with entered(JobContext(params={"mine": 1})):
        list(TagMessageProducer.from_model(model, fps=2).produce([str(clip)]))

    assert watching.seen == [
        FrameContext(
            str(clip), index, index / 4, (160, 96), index / 4 - 0.5 if index else None, {"mine": 1}
        )
        for index in (0, 2, 4, 6)
    ]
    assert not watching.seen[0].cancelled
    if kind is WatchesBatches:
        assert watching.sizes == [1, 1, 1, 1]  # a batch of three, halved, stays so


def test_a_still_image_has_no_time(tmp_path: Path) -> None:
    import cv2

    path = str(tmp_path / "a.png")
    cv2.imwrite(path, recipes.picture(1, 160, 96)[..., ::-1])
    model = Watches()

    list(TagMessageProducer.from_model(model).produce([path]))

    assert model.seen == [FrameContext(path, 0, 0.0, (160, 96), None, {})]


def test_other_arguments_of_existing_models_are_left_alone(clip: Path) -> None:
    messages = list(TagMessageProducer.from_model(HasAnotherArgument(), fps=1).produce([str(clip)]))

    assert len(messages) == 4


MAIN = """
import os, sys, time
from common_ml import FrameModel, FrameTag, run_default

class Patient(FrameModel):
    def tag_frame(self, img, context):
        os.write(int(os.environ["ANNOUNCE"]), b"%d" % context.params["mine"])
        while not context.cancelled:
            time.sleep(0.01)
        print("saw it", file=sys.stderr)
        return []

run_default(Patient())
"""


def test_a_long_call_sees_that_the_tagger_is_asked_to_stop(tmp_path: Path, clip: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(MAIN)
    with Child(program, params='{"mine": 7}') as child:
        child.send(str(clip))
        assert child.announcement() == b"7"
        child.process.terminate()
        outcome = child.wait()

    assert outcome.status == 128 + signal.SIGTERM
    assert "saw it" in outcome.stderr
    assert outcome.messages == []
