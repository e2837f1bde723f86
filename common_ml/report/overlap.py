"""Intersection over union of tags in time and space, and greedy matching; pure functions."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2, each 0..1."""


class TagPlace(NamedTuple):
    """Time and box of a tag. Sortable among those with a box, and among those without."""

    start_ms: int
    end_ms: int
    """>= start_ms."""
    frame_index: int = -1
    """Frame index; -1 without a frame."""
    box: Box | tuple[()] = ()


class Pair(NamedTuple):
    """A matched pair of places."""

    before: int
    """Index in the list `before`."""
    after: int
    overlap: float
    """0..1; 1.0 for places that are equal."""


def time_overlap(one: TagPlace, other: TagPlace, *, shortest_ms: float) -> float:
    """Return the intersection over union of two time ranges, 0..1.

    Args:
        one: A place.
        other: Another one.
        shortest_ms: Shorter ranges, such as a frame's tag of zero length, are extended to
            this around their middle; > 0.
    """
    (start, end), (other_start, other_end) = (
        _stretched(one, shortest_ms),
        _stretched(other, shortest_ms),
    )
    common = min(end, other_end) - max(start, other_start)
    return max(common, 0) / (max(end, other_end) - min(start, other_start))


def box_overlap(one: Box | tuple[()], other: Box | tuple[()]) -> float:
    """Return the intersection over union of two boxes, 0..1; 1 without boxes, 0 with one."""
    if not one or not other:
        return float(one == other)
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    common = max(width, 0.0) * max(height, 0.0)
    union = _area(one) + _area(other) - common
    return common / union if union > 0 else float(one == other)


def overlap(one: TagPlace, other: TagPlace, *, shortest_ms: float) -> float:
    """Return the product of both, 0..1."""
    boxes = box_overlap(one.box, other.box)
    return boxes and boxes * time_overlap(one, other, shortest_ms=shortest_ms)


def pairs(
    before: Sequence[TagPlace], after: Sequence[TagPlace], *, least: float, shortest_ms: float
) -> list[Pair]:
    """Pair places, each at most once.

    Equal ones come first. Of the others the pair with the largest overlap is taken, then the
    largest of what is left, and so on down to `least`; of equally large ones the earliest. The
    result does not depend on which side is called `before`.

    Args:
        before: Places, in any order.
        after: Places, in any order.
        least: Minimum overlap of a pair; > 0.
        shortest_ms: As in `time_overlap`.
    """
    found, rest_before, rest_after = _equal_pairs(before, after)
    candidates: list[tuple[tuple[float, TagPlace, TagPlace], Pair]] = []
    for i, j in _neighbours(before, rest_before, after, rest_after, shortest_ms):
        shared = overlap(before[i], after[j], shortest_ms=shortest_ms)
        if shared >= least:
            low, high = sorted((before[i], after[j]))
            candidates.append(((-shared, low, high), Pair(i, j, shared)))
    candidates.sort()
    taken_before: set[int] = set()
    taken_after: set[int] = set()
    for _, pair in candidates:
        if pair.before not in taken_before and pair.after not in taken_after:
            found.append(pair)
            taken_before.add(pair.before)
            taken_after.add(pair.after)
    return found


def _equal_pairs(
    before: Sequence[TagPlace], after: Sequence[TagPlace]
) -> tuple[list[Pair], list[int], list[int]]:
    """Return the pairs, and the unpaired places of both sides."""
    waiting: dict[TagPlace, list[int]] = {}
    for j in reversed(range(len(after))):
        waiting.setdefault(after[j], []).append(j)
    found: list[Pair] = []
    rest: list[int] = []
    for i, place in enumerate(before):
        if waiting.get(place):
            found.append(Pair(i, waiting[place].pop(), 1.0))
        else:
            rest.append(i)
    return found, rest, sorted(j for places in waiting.values() for j in places)


def _neighbours(
    before: Sequence[TagPlace],
    rest_before: Sequence[int],
    after: Sequence[TagPlace],
    rest_after: Sequence[int],
    shortest_ms: float,
) -> Iterator[tuple[int, int]]:
    """Yield all pairs that overlap in time, by a sweep line."""
    edges = [
        (*_stretched(places[n], shortest_ms), side, n)
        for side, (places, rest) in enumerate(((before, rest_before), (after, rest_after)))
        for n in rest
    ]
    edges.sort(key=itemgetter(0))
    open_ones: tuple[dict[int, float], dict[int, float]] = ({}, {})  # place -> its end
    for start, end, side, n in edges:
        others = open_ones[1 - side]
        for gone in [m for m, its_end in others.items() if its_end <= start]:
            del others[gone]
        for m in others:
            yield (n, m) if side == 0 else (m, n)
        open_ones[side][n] = end


def _stretched(place: TagPlace, shortest_ms: float) -> tuple[float, float]:
    short_by = shortest_ms - (place.end_ms - place.start_ms)
    if short_by <= 0:
        return place.start_ms, place.end_ms
    return place.start_ms - short_by / 2, place.end_ms + short_by / 2


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
