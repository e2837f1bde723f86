"""Assign records to parts at random; records of one group stay together."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def split_by_group(groups: Sequence[str], shares: Mapping[str, float], seed: int = 0) -> list[str]:
    """Return the part of each record; records of one group stay together.

    The order of groups depends on the seed and their names alone. A part has as many
    groups as its share, rounded.

    Args:
        groups: Group of each record.
        shares: Part -> share, in all 1.
        seed: The same seed always gives the same parts.

    Raises:
        ValueError: a share is below 0 or not a number, or they do not add up to 1.
    """
    wrong = [share for share in shares.values() if not _is_share(share)]
    if wrong or not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        listed = ", ".join(f"{name}={share}" for name, share in shares.items()) or "none"
        raise ValueError(f"shares must be >= 0 and add up to 1, got {listed}")
    order = sorted(set(groups), key=lambda one: hashlib.sha256(_bytes(f"{seed}/{one}")).digest())
    part_of: dict[str, str] = {}
    start, total = 0, 0.0
    whole = sum(shares.values())
    for part, share in shares.items():
        total += share
        # exactly 1 at the end, despite rounding: every group gets a part
        end = round(total / whole * len(order))
        part_of |= dict.fromkeys(order[start:end], part)
        start = end
    return [part_of[group] for group in groups]


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
