"""Masks that claim more than a picture may have are refused before memory is allocated."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from common_ml.data.formats.shared.masks import brush_bytes, brush_mask, coco_counts
from common_ml.data.record import Mask
from common_ml.errors import RecordError
from common_ml.media.limits import Limits, applied

HUGE = 65_536


def test_run_lengths_that_claim_gigabytes() -> None:
    mask = Mask(width=HUGE, height=HUGE, counts=(HUGE * HUGE,))
    tracemalloc.start()
    with pytest.raises(RecordError, match="mask is too large: 65536 x 65536"):
        mask.to_array()
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_brushes_that_claim_gigabytes() -> None:
    tracemalloc.start()
    with pytest.raises(RecordError, match="max_pixels"):
        brush_mask([255] * 100, HUGE, HUGE)
    with pytest.raises(ValueError, match="values, not 4"):
        brush_mask([255] * 100, 10_000, 10_000)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_the_limit_is_that_of_pictures() -> None:
    mask = Mask(width=10, height=10, counts=(100,))
    with applied(Limits(max_pixels=99)), pytest.raises(RecordError, match="more than 99 pixels"):
        mask.to_array()


def test_a_brush_takes_the_memory_of_its_mask() -> None:
    inside = np.zeros((2000, 2000), bool)
    inside[500:1500, 500:1500] = True
    data = brush_bytes(inside)
    tracemalloc.start()
    found = brush_mask(data, 2000, 2000)
    assert tracemalloc.get_traced_memory()[1] < 3 * inside.size
    tracemalloc.stop()
    assert np.array_equal(found, inside)


def test_a_number_that_never_ends_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="more than 60 bits"):
        coco_counts("o" * 10_000_000)
