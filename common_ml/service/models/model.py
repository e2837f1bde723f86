"""What the service knows of a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KINDS = ("image", "video", "audio", "text")
"""Of files that a model may take."""


@dataclass(frozen=True)
class ModelSpec:
    """A model as a worker runs it."""

    name: str
    target: str
    """A folder with `main.py`, a program, a command or an image."""
    revision: str
    """Digest of the image, or hash of the program."""
    types: tuple[str, ...] = KINDS[:3]
    """Kinds of files that it takes."""
    tags: tuple[str, ...] = ()
    """What its author files it under."""
    fields: dict[str, Any] = field(default_factory=dict)
    """What its results hold: track to a description."""
    params: dict[str, Any] = field(default_factory=dict)
    """Params of every prediction, below those that are asked for."""
    params_schema: dict[str, Any] = field(default_factory=dict)
    """JSON Schema."""
    description: str = ""
    slots: int = 1
    """Taggers at once on each worker."""
    gpu: str = ""
    """Such as `0`, `0,1` or `all`; "" for none."""
    python: str | None = None
    """The interpreter of a `.py` program; None for that of the worker."""
    engine_options: tuple[str, ...] = ()
    """More options of `podman run`, for an image."""

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ValueError(f"slots of {self.name} must be >= 1, got {self.slots}")
