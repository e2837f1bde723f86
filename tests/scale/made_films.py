"""Films that are nothing but their costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.scale.plan import Film

if TYPE_CHECKING:
    from collections.abc import Sequence


def films_of(costs: Sequence[float]) -> list[Film]:
    """Return films `0.mp4`, `1.mp4`, ... with these costs."""
    return [Film(f"{number}.mp4", f"/{number}.mp4", cost) for number, cost in enumerate(costs)]
