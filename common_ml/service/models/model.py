"""Specification of a model: target, revision, inputs, params and resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KINDS = ("image", "video", "audio", "text")
"""Kinds of files that a model may accept."""


@dataclass(frozen=True)
class ModelSpec:
    """A model as a worker runs it."""

    name: str
    target: str
    """A folder with `main.py`, a program, a command or an image."""
    revision: str
    """Digest of the image, or hash of the program."""
    types: tuple[str, ...] = KINDS[:3]
    """Kinds of files that it accepts."""
    tags: tuple[str, ...] = ()
    """Keywords given by its author."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Fields of its results: track -> description."""
    params: dict[str, Any] = field(default_factory=dict)
    """Default params, overridden by those of a request."""
    params_schema: dict[str, Any] = field(default_factory=dict)
    """JSON Schema."""
    description: str = ""
    slots: int = 1
    """Concurrent taggers per worker."""
    gpu: str = ""
    """Such as `0`, `0,1` or `all`; "" for none."""
    python: str | None = None
    """The interpreter of a `.py` program; None for that of the worker."""
    engine_options: tuple[str, ...] = ()
    """Additional options of `podman run`, for an image."""

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ValueError(f"slots of {self.name} must be >= 1, got {self.slots}")
