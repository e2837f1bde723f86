"""Records dealt out to parts by chance, but the same way each time."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def split_by_group(groups: Sequence[str], shares: Mapping[str, float], seed: int = 0) -> list[str]:
    """The part that each record belongs to; records of one group stay together.

    Groups are put in an order that depends on the seed and their names alone, and are cut by the
    shares: sizes are exact but for rounding, where all groups have one record.

    Args:
        groups: One for each record.
        shares: Part -> share, in all 1.
        seed: Other numbers give other parts.

    Raises:
        ValueError: a share is not above 0, or they do not add up to 1.
    """
    wrong = [name for name, share in shares.items() if not share > 0]
    if wrong or not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        told = ", ".join(f"{name}={share}" for name, share in shares.items())
        raise ValueError(f"shares must be > 0 and add up to 1, got {told}")
    sizes: dict[str, int] = {}
    for group in groups:
        sizes[group] = sizes.get(group, 0) + 1
    order = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).digest())
    part_of: dict[str, str] = {}
    limits = _limits(shares, len(groups))
    place = 0
    for group in order:
        # by its middle: a large group goes where most of it lies
        middle = place + sizes[group] / 2
        part_of[group] = next((name for name, end in limits if middle <= end), limits[-1][0])
        place += sizes[group]
    return [part_of[group] for group in groups]


def _limits(shares: Mapping[str, float], total: int) -> list[tuple[str, int]]:
    limits, share = [], 0.0
    for name, one in shares.items():
        share += one
        limits.append((name, round(share * total)))
    return limits
