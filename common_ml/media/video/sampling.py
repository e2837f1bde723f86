"""Choose the frames nearest to a grid or to given times: arithmetic on times only."""

from __future__ import annotations

import math
from bisect import bisect_left
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def exact_rate(fps: float) -> Fraction:
    """Return a rate as the exact decimal that was written: 0.1 is 1/10, not its nearest double.

    Args:
        fps: Frames per second.

    Raises:
        ValueError: not a finite number > 0.
    """
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps must be a finite number > 0, got {fps!r}")
    return Fraction(str(fps))


def exact_seconds(seconds: float, name: str) -> Fraction:
    """Return a duration as the exact decimal that was written.

    Raises:
        ValueError: not a finite number > 0; the message has the name.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{name} must be a finite number > 0, got {seconds!r}")
    return Fraction(str(seconds))


def nearest_to_grid(ticks: Iterable[int], step: Fraction) -> Iterator[int]:
    """Yield the places of the frames nearest to a regular grid.

    The grid starts at the first frame and ends at or before the last one. Of two frames that are
    equally near the earlier one is taken, and none is taken twice. A place is yielded as soon as
    it is certain, at the latest with the frame after it.

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
    num, den = step.numerator, step.denominator  # point n is at n * num / den ticks
    before = taken = 0  # place and time of the last frame that is later than those before it
    before_time = 0
    point = 1  # number of the first grid point that has no frame yet
    for place, tick in times:
        time = tick - start
        if time == before_time:
            continue  # two frames at the same time: the earlier one counts
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
    """Return for each point the place of the nearest frame, the earlier one on a tie.

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
