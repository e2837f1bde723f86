"""Records shared out at random, without anything in two parts: pure."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Literal, get_args

from common_ml.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from common_ml.data.store import Head

By = Literal["media", "record"]


def parts_of(
    heads: Sequence[Head], shares: Mapping[str, float], *, seed: int, by: By
) -> dict[str, list[int]]:
    """Numbers of the records of each part, ascending.

    Args:
        heads: The records.
        shares: Name -> share of the whole.
        seed: Of the order in which they are dealt.
        by: What is kept together.

    Raises:
        DatasetError: the shares do not add up to 1.
    """
    if by not in get_args(By):
        raise DatasetError(f"by must be one of {', '.join(get_args(By))}, got {by!r}")
    groups = [head.media if by == "media" else str(head.number) for head in heads]
    try:
        dealt = split_by_group(groups, shares, seed)
    except ValueError as error:
        raise DatasetError(str(error)) from error
    parts: dict[str, list[int]] = {name: [] for name in shares}
    for head, part in zip(heads, dealt, strict=True):
        parts[part].append(head.number)
    return {name: sorted(numbers) for name, numbers in parts.items()}


def split_by_group(groups: Sequence[str], shares: Mapping[str, float], seed: int = 0) -> list[str]:
    """The part that each record belongs to; records of one group stay together.

    Groups are put in an order that depends on the seed and their names alone. A part has as many
    groups as its share says, to the nearest whole.

    Args:
        groups: One for each record.
        shares: Part -> share, in all 1.
        seed: Other numbers give other parts.

    Raises:
        ValueError: a share is below 0 or no number, or they do not add up to 1.
    """
    wrong = [share for share in shares.values() if not _is_share(share)]
    if wrong or not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        told = ", ".join(f"{name}={share}" for name, share in shares.items()) or "none"
        raise ValueError(f"shares must be >= 0 and add up to 1, got {told}")
    order = sorted(set(groups), key=lambda one: hashlib.sha256(_bytes(f"{seed}/{one}")).digest())
    part_of: dict[str, str] = {}
    start, total = 0, 0.0
    whole = sum(shares.values())
    for part, share in shares.items():
        total += share
        # In the end exactly 1, whatever was lost in the sum: nobody is left over.
        end = round(total / whole * len(order))
        part_of |= dict.fromkeys(order[start:end], part)
        start = end
    return [part_of[group] for group in groups]


def _is_share(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
