"""Options of a decode: how many threads, which strategy, how much memory, which size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from common_ml.media.cpus import usable_cpus

if TYPE_CHECKING:
    from common_ml.media.frame_size import FrameSize

Strategy = Literal["auto", "sequential", "threaded", "groups"]
DEFAULT_MEMORY_BUDGET_BYTES = 96 * 1024 * 1024
"""Room for 16 frames of 1920x1080."""


class DecodeKeywords(TypedDict, total=False):
    """The fields of DecodeOptions, as keywords."""

    workers: int | None
    strategy: Strategy
    memory_budget_bytes: int
    max_size: int | None
    frame_size: FrameSize | None


@dataclass(frozen=True)
class DecodeOptions:
    """Options of a decode; the pixels are the same with any, but for the sizes."""

    workers: int | None = None
    """Threads that decode, >= 1; None: as many as the CPUs that this process may use."""
    strategy: Strategy = "auto"
    """How to decode; see `media.decode`. It never changes the result."""
    memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES
    """Limit for decoded frames that wait for the consumer."""
    max_size: int | None = None
    """Maximum pixels of the longer side; larger frames are scaled down. None keeps the size."""

    frame_size: FrameSize | None = None
    """Size of all frames; it excludes `max_size`."""

    def __post_init__(self) -> None:
        if self.strategy not in get_args(Strategy):
            known = ", ".join(get_args(Strategy))
            raise ValueError(f"strategy must be one of {known}, got {self.strategy!r}")
        if self.max_size is not None and self.frame_size is not None:
            raise ValueError("max_size and frame_size exclude each other; hint: leave out one")
        for name in ("workers", "max_size", "memory_budget_bytes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")

    @property
    def num_workers(self) -> int:
        """Threads that decode, >= 1."""
        return self.workers or usable_cpus()
