"""Smoothing against brute-force twins that do what the formulas say."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.tagging.smoothing import hysteresis, median

SCORES = st.lists(st.sampled_from([0, 0.2, 0.35, 0.4, 0.5, 0.9, 1, math.nan]), max_size=30)


@given(SCORES, st.sampled_from([0.35, 0.5]), st.sampled_from([0.2, 0.35]), st.booleans())
def test_hysteresis_is_that_of_brute_force(
    scores: list[float], high: float, low: float, active: bool
) -> None:
    expected, on = [], active
    for score in scores:
        on = score >= (low if on else high)
        expected.append(on)

    found = hysteresis(scores, high=high, low=low, active=active)

    assert found.dtype == np.bool_
    assert found.tolist() == expected


@given(SCORES, st.sampled_from([1, 3, 5, 9, 31]))
def test_the_median_is_that_of_brute_force(scores: list[float], size: int) -> None:
    k = size // 2
    expected = []
    for place in range(len(scores)):
        window = [one for one in scores[max(0, place - k) : place + k + 1] if not math.isnan(one)]
        expected.append(statistics.median(window) if window else math.nan)

    assert np.array_equal(median(scores, size), np.array(expected, float), equal_nan=True)


def test_a_stretch_is_carried_over_from_the_scores_before() -> None:
    first = hysteresis([0.1, 0.6, 0.4], high=0.5, low=0.3)

    second = hysteresis([0.4, 0.2, 0.4], high=0.5, low=0.3, active=bool(first[-1]))

    assert first.tolist() + second.tolist() == [False, True, True, True, False, False]


def test_a_spike_is_dropped_and_an_edge_stays() -> None:
    assert median([0, 0, 1, 0, 0, 1, 1, 1], 3).tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"low must be <= high, got 0.6 and 0.5"):
        hysteresis([0.1], high=0.5, low=0.6)
    with pytest.raises(ValueError, match=r"size must be odd and >= 1, got 4"):
        median([0.1], 4)
    with pytest.raises(ValueError, match=r"one dimension, got an array of shape \(1, 1\)"):
        median([[0.1]], 3)
