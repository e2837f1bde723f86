"""Batches share memory with the batches before them only where nobody can see it."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.tagging.calls.batch_memory import BatchMemory

if TYPE_CHECKING:
    from common_ml.tagging.models.frame_based import Pixels

SHAPE = (2, 3, 4, 3)


def address(array: Pixels) -> int:
    where: int = array.__array_interface__["data"][0]
    return where


def test_a_batch_is_an_array_like_any_other() -> None:
    batch = BatchMemory().batch(SHAPE)
    assert batch.shape == SHAPE
    assert batch.dtype == np.uint8
    assert batch.flags.c_contiguous
    assert batch.flags.writeable
    assert type(batch) is np.ndarray


def test_the_memory_of_a_batch_that_is_gone_is_used_again() -> None:
    memory = BatchMemory()
    first = memory.batch(SHAPE)
    place = address(first)
    del first
    assert address(memory.batch((1, 3, 4, 3))) == place
    assert address(memory.batch(SHAPE)) == place


@pytest.mark.parametrize(
    "kept",
    [
        lambda batch: batch,
        lambda batch: batch[1],
        lambda batch: batch.reshape(-1)[::2][3:],
        lambda batch: batch.view(np.int8).T,
        memoryview,
        lambda batch: memoryview(batch)[1:],
        np.from_dlpack,
    ],
    ids=["batch", "frame", "every other", "turned", "memoryview", "part of it", "dlpack"],
)
def test_a_batch_of_which_anything_is_kept_stays_as_it_is(kept) -> None:  # type: ignore[no-untyped-def] # any of the above
    memory = BatchMemory()
    batch = memory.batch(SHAPE)
    batch[:] = 7
    part = kept(batch)
    del batch
    for _ in range(3):
        memory.batch(SHAPE)[:] = 9
    assert set(np.asarray(part).ravel().tolist()) == {7}


def test_a_larger_batch_gets_more_memory() -> None:
    memory = BatchMemory()
    memory.batch(SHAPE)[:] = 1
    large = memory.batch((20, 30, 40, 3))
    large[:] = 5
    assert large.sum() == 5 * 20 * 30 * 40 * 3


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        lambda one: pickle.loads(pickle.dumps(one)),  # noqa: S301 - its own pickle
    ],
)
def test_a_copy_has_memory_of_its_own(copied) -> None:  # type: ignore[no-untyped-def] # any of the above
    memory = BatchMemory()
    place = address(memory.batch(SHAPE))
    batch = copied(memory).batch(SHAPE)
    assert batch.shape == SHAPE
    assert address(batch) != place
