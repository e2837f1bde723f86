"""`FrameContext`: what a frame model may know about a frame besides its pixels."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common_ml.tagging.job.context import cancelled

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class FrameContext:
    """A frame's place, for a model whose method has a parameter of the name `context`.

        class Shots(FrameModel):
            def tag_frame(self, img, context):
                return [FrameTag(f"{context.seconds:.2f} s of {context.path}")]

    A `tag_frames(self, imgs, contexts)` gets a list with one for each frame.
    """

    path: str
    """The file as received from the runtime, relative to the working directory."""
    index: int = 0
    """0-based index of the frame in presentation order; 0 for a still image."""
    seconds: float = 0.0
    """Seconds from the first frame of the file; 0 for a still image."""
    size: tuple[int, int] = (0, 0)
    """Width and height of the whole picture in pixels, upright and before any scaling."""
    previous_seconds: float | None = None
    """Time of the sampled frame before this one; None for the first of a file."""
    params: dict[str, Any] = field(default_factory=dict)
    """The value of `--params`, as sent."""

    @property
    def cancelled(self) -> bool:
        """Whether the tagger was asked to stop; see `common_ml.tagging.cancelled`."""
        return cancelled()


def takes(method: Callable[..., Any], name: str) -> bool:
    """Return whether a method has a parameter of a name."""
    try:
        return name in inspect.signature(method).parameters
    except (TypeError, ValueError):  # built-in, or without a signature
        return False
