"""Records shared out at random, without anything in two parts: pure."""

from __future__ import annotations

import math
import random
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

    A part has as many media (or records) as its share says, to the nearest whole.

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
    wrong = [share for share in shares.values() if not (math.isfinite(share) and share >= 0)]
    if wrong or not math.isclose(sum(shares.values()), 1, abs_tol=1e-6):
        raise DatasetError(f"shares must be >= 0 and add up to 1, got {dict(shares)}")
    groups: dict[str, list[int]] = {}
    for head in heads:
        name = head.media if by == "media" else str(head.number)
        groups.setdefault(name, []).append(head.number)
    names = sorted(groups)
    random.Random(seed).shuffle(names)  # noqa: S311 - to be repeated, not to be secret
    parts: dict[str, list[int]] = {}
    start, total = 0, 0.0
    for part, share in shares.items():
        total += share
        end = round(total * len(names))
        parts[part] = sorted(number for name in names[start:end] for number in groups[name])
        start = end
    return parts
