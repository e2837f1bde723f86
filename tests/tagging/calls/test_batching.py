"""Frame models are called with as many frames as they take and as fit into memory."""

from __future__ import annotations

import itertools
import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.tagging.calls.batching import FrameCaller, batches_of_one_shape
from common_ml.tagging.calls.validator import FrameRef
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel, Pixels
from common_ml.tagging.models.tag_types import FrameTag
from tests.tagging.gpu_errors import MEMORY_ERRORS


def pictures(count: int, *, side: int = 2) -> list[Pixels]:
    return [np.full((side, side, 3), number, dtype=np.uint8) for number in range(count)]


def shots(count: int) -> tuple[list[Pixels], list[FrameRef]]:
    """As many pictures, from a film of 4 frames a second."""
    return pictures(count), [
        FrameRef("film.mp4", 6 + number, 1.5 + number / 4) for number in range(count)
    ]


def texts(tags: list[list[FrameTag]]) -> list[str]:
    return [tag.tag for of_frame in tags for tag in of_frame]


class Numbers(FrameModel):
    def tag_frame(self, img: Pixels) -> list[FrameTag]:
        return [FrameTag(tag=str(img[0, 0, 0]))]


class Limited(BatchFrameModel):
    """Has memory for `room` frames at a time."""

    def __init__(self, room: int, error: BaseException, *, batch_size: int = 16) -> None:
        self.room, self.error, self.batch_size = room, error, batch_size
        self.sizes: list[int] = []

    def tag_frames(self, imgs: Pixels) -> list[list[FrameTag]]:
        assert imgs.dtype == np.uint8
        assert imgs.flags.c_contiguous
        self.sizes.append(len(imgs))
        if len(imgs) > self.room:
            raise self.error
        return [[FrameTag(tag=str(img[0, 0, 0]))] for img in imgs]


def test_a_frame_model_gets_one_frame_at_a_time() -> None:
    caller = FrameCaller.of(Numbers())
    assert caller.size == 1
    assert texts(caller.tag(*shots(3))) == ["0", "1", "2"]


def test_a_batch_model_gets_batches() -> None:
    model = Limited(99, MemoryError())
    assert texts(FrameCaller.of(model).tag(*shots(3))) == ["0", "1", "2"]
    assert model.sizes == [3]


def test_from_frame_model_gives_the_same_tags() -> None:
    model = BatchFrameModel.from_frame_model(Numbers())
    assert texts(FrameCaller.of(model).tag(*shots(5))) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("error", MEMORY_ERRORS.values(), ids=MEMORY_ERRORS)
def test_a_batch_too_large_is_halved_and_the_size_is_kept(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    model = Limited(5, error)
    caller = FrameCaller.of(model)
    with caplog.at_level(logging.WARNING):
        assert texts(caller.tag(*shots(16))) == [str(number) for number in range(16)]
        assert texts(caller.tag(*shots(8))) == [str(number) for number in range(8)]
    assert model.sizes == [16, 8, 4, 4, 4, 4, 4, 4]
    assert caller.size == 4
    (record,) = caplog.records
    assert record.getMessage() == (
        "a batch of 16 frames of 2x2 does not fit into memory: going on with at most 4 in a call"
    )


def test_a_single_frame_that_does_not_fit_fails() -> None:
    with pytest.raises(MemoryError, match="no room"):
        FrameCaller.of(Limited(0, MemoryError("no room"))).tag(*shots(4))


def test_another_error_is_not_tried_again() -> None:
    model = Limited(0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        FrameCaller.of(model).tag(*shots(4))
    assert model.sizes == [4]


def test_a_frame_that_does_not_fit_alone_leaves_the_size_to_others() -> None:
    model = Limited(0, MemoryError("no room"))
    caller = FrameCaller.of(model)
    with pytest.raises(MemoryError):
        caller.tag(*shots(16))
    model.room, model.sizes = 5, []
    assert texts(caller.tag(*shots(8))) == [str(number) for number in range(8)]
    model.room = 0
    with pytest.raises(MemoryError):
        caller.tag(*shots(4))
    assert model.sizes == [8, 4, 4, 4, 2, 1]
    assert caller.size == 4


def test_what_torch_keeps_for_later_is_given_back_before_the_next_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """cuBLAS and cuDNN cannot have it otherwise: torch gives it back for its own tensors only."""
    given_back: list[list[int]] = []
    model = Limited(2, MEMORY_ERRORS["cuBLAS"], batch_size=8)
    cuda = SimpleNamespace(
        is_initialized=lambda: True, empty_cache=lambda: given_back.append([*model.sizes])
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert texts(FrameCaller.of(model).tag(*shots(8))) == [str(number) for number in range(8)]
    assert given_back == [[8], [8, 4]]


@pytest.mark.parametrize("size", [0, -1, 2.0, True, None])
def test_a_batch_size_that_makes_no_sense_is_refused(size: object) -> None:
    model = Limited(1, MemoryError(), batch_size=size)  # type: ignore[arg-type] # tested
    with pytest.raises(ValueError, match=r"Limited\.batch_size must be an int >= 1, got"):
        FrameCaller.of(model)


def test_no_frame_model_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a FrameModel or a BatchFrameModel, got str"):
        FrameCaller.of("model")  # type: ignore[arg-type] # tested


@given(st.lists(st.sampled_from("aab")), st.integers(1, 4))
def test_batches_keep_order_and_shape_and_size(shapes: list[str], size: int) -> None:
    batches = list(batches_of_one_shape(shapes, shape=lambda item: item, size=lambda: size))
    assert [item for batch in batches for item in batch] == shapes
    assert all(1 <= len(batch) <= size and len(set(batch)) == 1 for batch in batches)
    for batch, following in itertools.pairwise(batches):
        assert len(batch) == size or following[0] != batch[0]  # none is cut without a reason
