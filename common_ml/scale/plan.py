"""Divide films into shards by expected cost; pure functions."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PICTURE_SECONDS = 0.05
"""Cost of a file without a duration, in seconds of media."""


@dataclass(frozen=True)
class Film:
    """A media file to tag; pictures and sound are films, too."""

    name: str
    """Its `source_media` in messages, as the user named it."""
    path: str
    """Its location for workers: an absolute path or a URL."""
    cost: float = PICTURE_SECONDS
    """Expected work, in seconds of media, > 0."""


def longest_first(films: Iterable[Film]) -> list[Film]:
    """Sort films by descending cost; equal ones keep their order."""
    return sorted(films, key=lambda film: -film.cost)


def shards(films: Sequence[Film], num_shards: int) -> list[list[Film]]:
    """Divide films into shards of nearly equal cost, each in the order of the input.

    The longest film goes to the smallest shard so far (longest processing time first, Graham 1969):
    the largest shard is at most 4/3 of the best possible one.

    Args:
        films: The films.
        num_shards: >= 1; shards may be empty.
    """
    if num_shards < 1:
        raise ValueError(f"num_shards must be >= 1, got {num_shards}")
    loads = [(0.0, number) for number in range(num_shards)]
    place = {id(film): number for number, film in enumerate(films)}
    shares: list[list[Film]] = [[] for _ in range(num_shards)]
    for film in longest_first(films):
        load, number = heapq.heappop(loads)
        shares[number].append(film)
        heapq.heappush(loads, (load + film.cost, number))
    return [sorted(share, key=lambda film: place[id(film)]) for share in shares]


def shard(films: Sequence[Film], number: int, num_shards: int) -> list[Film]:
    """Return one of the shards.

    Args:
        films: The films.
        number: 1..num_shards.
        num_shards: >= 1.
    """
    if not 1 <= number <= num_shards:
        raise ValueError(f"a shard is 1/{num_shards} to {num_shards}/{num_shards}, got {number}")
    return shards(films, num_shards)[number - 1]


def lower_bound(costs: Iterable[float], speeds: Sequence[float]) -> float:
    """Return a lower bound on the makespan of any schedule, in seconds.

    Args:
        costs: Of the films, in seconds of work at speed 1.
        speeds: Of the workers, > 0.
    """
    all_costs = list(costs)
    return max(sum(all_costs) / sum(speeds), max(all_costs, default=0.0) / max(speeds))
