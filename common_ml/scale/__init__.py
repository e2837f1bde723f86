"""Thousands of films through one tagger, on one machine or many, with the bytes of a plain run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from common_ml.scale.job import ScaleJob, tag

__all__ = ["ScaleJob", "tag"]


def __getattr__(name: str) -> Any:
    """Import what is used."""
    if name in __all__:
        from common_ml.scale import job

        return getattr(job, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
