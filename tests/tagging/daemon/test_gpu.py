"""Full and lost GPUs: what becomes of the other files. The errors stand in for a real GPU's."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from common_ml.errors import AbortTaggingException
from common_ml.tagging.messages import Message, Progress, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, Pixels
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.producer import TagMessageProducer
from tests.tagging.daemon.test_loop import Scripted, errors, run
from tests.tagging.gpu_errors import MEMORY_ERRORS, lost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Memory:
    """What a call allocates: a weak reference says whether it is free again."""


class Greedy(BatchFrameModel):
    """Fits nothing into memory beside what is alive; dark pictures do not even fit alone."""

    batch_size = 4

    def __init__(self) -> None:
        self._allocated: list[weakref.ref[Memory]] = []

    def tag_frames(self, imgs: Pixels) -> list[list[FrameTag]]:
        if any(one() is not None for one in self._allocated):
            raise MEMORY_ERRORS["torch"]
        memory = Memory()
        self._allocated.append(weakref.ref(memory))
        if imgs[:, 0, 0, 0].min() == 0:
            raise type(MEMORY_ERRORS["torch"])("CUDA out of memory. Tried to allocate 83.57 GiB.")
        return [[FrameTag(tag="seen")] for _ in imgs]


class GreedyWithFiles(AVModel):
    """The same for whole files."""

    def __init__(self) -> None:
        self._allocated: list[weakref.ref[Memory]] = []

    def tag(self, fpath: str) -> list[Tag]:
        if any(one() is not None for one in self._allocated):
            raise MEMORY_ERRORS["torch"]
        memory = Memory()
        self._allocated.append(weakref.ref(memory))
        if "bad" in fpath:
            raise RuntimeError("no such layer")
        return []


class Lost(BatchFrameModel):
    """A dark picture loses the GPU, as an index out of range in a kernel does."""

    batch_size = 2

    def __init__(self) -> None:
        self.is_lost = False
        self.num_calls = 0

    def tag_frames(self, imgs: Pixels) -> list[list[FrameTag]]:
        self.num_calls += 1
        self.is_lost |= bool(imgs[:, 0, 0, 0].min() == 0)
        if self.is_lost:
            raise lost()
        return [[FrameTag(tag="seen")] for _ in imgs]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "tags.jsonl"


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Four pictures, the second is dark."""
    paths = [str(tmp_path / f"{name}.png") for name in ("a", "dark", "b", "c")]
    for path in paths:
        assert cv2.imwrite(path, np.full((4, 4, 3), 0 if "dark" in path else 9, dtype=np.uint8))
    return paths


def test_what_a_failed_call_allocated_is_free_for_the_other_pictures(
    pictures: list[str], output: Path
) -> None:
    producer = TagMessageProducer.from_model(Greedy())
    written = run(producer, pictures, output)
    a, dark, b, c = pictures
    assert [line for line in written if line[0] != "tag"] == [
        ("progress", a),
        ("error", dark),
        ("progress", b),
        ("progress", c),
    ]


def test_what_a_failed_call_allocated_is_free_for_the_next_file(output: Path) -> None:
    producer = TagMessageProducer.from_model(GreedyWithFiles())
    assert run(producer, ["bad", "good", "bad2", "good2"], output) == [
        ("error", "bad"),
        ("progress", "good"),
        ("error", "bad2"),
        ("progress", "good2"),
    ]


def test_a_tagger_stops_where_the_gpu_is_lost(pictures: list[str], output: Path) -> None:
    """Every further call would fail: the other files would be reported as failed for nothing."""
    model = Lost()
    with pytest.raises(AbortTaggingException, match="the GPU is lost"):
        run(TagMessageProducer.from_model(model), [pictures[2], *pictures], output)
    assert model.num_calls == 2, "tried again although the GPU is lost"
    ((_, message),) = errors(output)
    assert message == (
        "AbortTaggingException: the GPU is lost for this process: device-side assert triggered; "
        "hint: the tagger stops, a new one can use the GPU again; CUDA_LAUNCH_BLOCKING=1 in its "
        "environment shows the step at fault"
    )


def test_a_tagger_stops_where_a_producer_loses_the_gpu(output: Path) -> None:
    def produce(files: list[str]) -> Iterator[Message]:
        for file in files:
            if file == "bad":
                raise lost()
            yield Progress(file)

    with pytest.raises(AbortTaggingException, match="the GPU is lost"):
        run(Scripted(produce), ["a", "bad", "b"], output, batch_limit=1)
    ((file, message),) = errors(output)
    assert (file, "hint: the tagger stops" in message) == ("bad", True)
