"""How many calls of a model may run at once."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_CONCURRENCY = 8
"""Calls at once of an `async def` whose class does not say how many."""


def concurrency_of(model: object, method: Callable[..., Any]) -> int:
    """Return how many calls of a method may run at once; 1 for one after the other.

    Raises:
        ValueError: the class declares a number that is less than 1.
    """
    is_async = inspect.iscoroutinefunction(method)
    declared = getattr(type(model), "concurrency", None)
    if type(declared) is not int or (declared == 1 and is_async and not _declares(model)):
        return DEFAULT_CONCURRENCY if is_async else 1
    if declared < 1:
        raise ValueError(f"{type(model).__name__}.concurrency must be >= 1, got {declared}")
    return declared


def _declares(model: object) -> bool:
    """Whether the author's class, not the base class, says how many."""
    own = (kind for kind in type(model).__mro__ if not kind.__module__.startswith("common_ml."))
    return any("concurrency" in vars(kind) for kind in own)
