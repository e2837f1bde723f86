"""Which frames to take, as arithmetic on times."""

from __future__ import annotations

import math
from bisect import bisect_left
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def exact_rate(fps: float) -> Fraction:
    """The rate that a number means when it is written down: 0.1 is 1/10, not its nearest double.

    Args:
        fps: Frames per second.

    Raises:
        ValueError: not a finite number > 0.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be a finite number > 0, got {fps!r}")
    return Fraction(str(fps))


def nearest_to_grid(ticks: Iterable[int], step: Fraction) -> Iterator[int]:
    """Places of the frames that are nearest to a regular grid.

    The grid starts at the first frame and ends at or before the last one. Of two frames that are
    equally near the earlier one is taken, and none is taken twice. A frame is named as soon as it
    is certain, which is at the latest with the frame after it.

    Args:
        ticks: Times of the frames in ascending order; read only as far as needed.
        step: Ticks from one grid point to the next, > 0.
    """
    times = enumerate(ticks)
    first = next(times, None)
    if first is None:
        return
    yield 0
    start = first[1]
    num, den = step.numerator, step.denominator  # point n stands at n * num / den ticks
    before = taken = 0  # place and time of the last frame that is later than those before it
    before_time = 0
    point = 1  # number of the first grid point that has no frame yet
    for place, tick in times:
        time = tick - start
        if time == before_time:
            continue  # a frame at the very time of another: the earlier one stands for both
        middle = (before_time + time) * den
        if 2 * point * num <= middle and taken != before:
            yield before
            taken = before
        last_point = time * den // num
        if last_point >= point and 2 * last_point * num > middle:
            yield place
            taken = place
        point = max(point, last_point + 1)
        before, before_time = place, time


def nearest_to_points(ticks: Sequence[int], points: Iterable[Fraction]) -> list[int]:
    """For each point the place of the frame nearest in time, the earlier one on a tie.

    Args:
        ticks: Times of the frames in ascending order, at least one.
        points: Times in ticks, on the scale of `ticks`, in any order.
    """
    return [_nearest(ticks, point) for point in points]


def _nearest(ticks: Sequence[int], point: Fraction) -> int:
    after = bisect_left(ticks, point)
    if after == 0:
        return 0
    if after == len(ticks) or point - ticks[after - 1] <= ticks[after] - point:
        return bisect_left(ticks, ticks[after - 1])  # the first of those that share this time
    return after
