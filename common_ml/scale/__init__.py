"""Tag thousands of films on one machine or many; the output has the bytes of a plain run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from common_ml.scale.job import ScaleJob, tag

__all__ = ["ScaleJob", "tag"]


def __getattr__(name: str) -> Any:
    """Import names lazily, on first use."""
    if name in __all__:
        from common_ml.scale import job

        return getattr(job, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
