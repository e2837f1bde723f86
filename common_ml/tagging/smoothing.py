"""Smooth scores over time: hysteresis and a moving median; arithmetic on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["hysteresis", "median"]


def hysteresis(
    values: npt.ArrayLike, *, high: float, low: float, active: bool = False
) -> npt.NDArray[np.bool_]:
    """Return where scores are on: from `high` upward, and on from there down to `low`.

        on[t] = values[t] >= low   if on[t - 1]
                values[t] >= high  otherwise

    One doubtful score does not end a stretch, and one that is not sure enough begins none. NaN is
    off.

    Args:
        values: Scores in order of time, shape (N,).
        high: The score that begins a stretch.
        low: The lowest score that continues it, <= high.
        active: Whether the time before the first score is on, as `on[-1]` of the scores before.

    Returns:
        bool, shape (N,).

    Raises:
        ValueError: low is above high, or the scores have not one dimension.
    """
    scores = _scores(values)
    if not low <= high:
        raise ValueError(f"low must be <= high, got {low} and {high}")
    is_on, is_off = scores >= high, ~(scores >= low)
    # each score between the two is as the last one before it that is not
    decided = np.where(is_on | is_off, np.arange(len(scores)), -1)
    last = np.maximum.accumulate(decided)
    return np.where(last < 0, active, is_on[last])


def median(values: npt.ArrayLike, size: int) -> npt.NDArray[np.float64]:
    """Return the moving median, which drops spikes shorter than half of `size` and keeps edges.

        result[t] = median of values[max(0, t - k) : t + k + 1],  k = (size - 1) / 2

    At the ends the window is what there is of it. NaN is left out; of a window without any other
    value the result is NaN.

    Args:
        values: Scores in order of time, shape (N,).
        size: Values in a window, odd, >= 1.

    Returns:
        float64, shape (N,).

    Raises:
        ValueError: size is even or < 1, or the scores have not one dimension.
    """
    scores = _scores(values)
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size must be odd and >= 1, got {size}")
    if not len(scores):
        return scores
    padded = np.pad(scores, size // 2, constant_values=np.nan)
    # NaN is sorted to the end of each window
    windows = np.sort(np.lib.stride_tricks.sliding_window_view(padded, size), axis=1)
    counts = np.maximum(size - np.isnan(windows).sum(axis=1), 1)
    rows = np.arange(len(scores))
    middle: npt.NDArray[np.float64] = windows[rows, (counts - 1) // 2] + windows[rows, counts // 2]
    return middle / 2


def _scores(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    scores = np.asarray(values, np.float64)
    if scores.ndim != 1:
        raise ValueError(f"scores must have one dimension, got an array of shape {scores.shape}")
    return scores
