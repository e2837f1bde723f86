"""Records dealt out to parts by chance, but the same way each time."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def split_by_group(groups: Sequence[str], shares: Mapping[str, float], seed: int = 0) -> list[str]:
    """The part that each record belongs to; records of one group stay together.

    Groups are put in an order that depends on the seed and their names alone. A part has as many
    groups as its share says, to the nearest whole.

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
    order = sorted(set(groups), key=lambda one: hashlib.sha256(f"{seed}/{one}".encode()).digest())
    part_of: dict[str, str] = {}
    start, total = 0, 0.0
    for part, share in shares.items():
        total += share
        end = round(total * len(order))
        part_of |= dict.fromkeys(order[start:end], part)
        start = end
    return [part_of[group] for group in groups]
