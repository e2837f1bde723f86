"""Base classes of models that tag images: one frame at a time, or batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from common_ml.backoff import Backoff
from common_ml.media.frame_size import Fit, FrameSize
from common_ml.tagging.models.frame_context import FrameContext, takes
from common_ml.tagging.models.tag_types import FrameInfo, FrameTag, Tag

if TYPE_CHECKING:
    from collections.abc import Coroutine

# Existing model repos rely on the names of `from ...frame_based import *`.
__all__ = [
    "ABC",
    "Any",
    "BatchFrameModel",
    "Dict",
    "FrameInfo",
    "FrameModel",
    "FrameTag",
    "Iterator",
    "List",
    "Optional",
    "Tag",
    "Tuple",
    "Union",
    "abstractmethod",
    "np",
]

Pixels = npt.NDArray[np.uint8]


class FrameModel(ABC):
    """A model that tags one frame at a time.

    Extend it with one method; this is a whole `main.py`:

        from common_ml import FrameModel, FrameTag, catch_errors, run_default

        class Brightness(FrameModel):
            def tag_frame(self, img):
                return [FrameTag(tag="bright" if img.mean() > 127 else "dark")]

        if __name__ == "__main__":
            with catch_errors():
                run_default(Brightness())
    """

    frame_size: int | tuple[int, int] | None = None
    """Pixels of the longer side, or (width, height), that frames are scaled to while they are
    decoded; boxes still become those of the whole picture. A class attribute."""
    fit: Fit = "contain"
    """How a picture comes to (width, height): `contain` adds black bars, `cover` cuts off what
    reaches out, `stretch` changes the ratio of the sides."""

    concurrency: int = 1
    """Calls of `tag_frame` that may run at once, in threads, as for a remote endpoint; an
    `async def tag_frame` has 8 by default. The order of the output stays. A class attribute, as
    the three that follow; they count where more than one call runs at once."""
    backoff: Backoff = Backoff(attempts=1)
    """How often a failing call is tried in all, and the waits between."""
    retry_on: tuple[type[Exception], ...] = (OSError,)
    """After which exceptions it is tried again; time-outs and lost connections by default."""
    call_timeout_seconds: float | None = None
    """Time limit for one attempt of an `async def tag_frame`; None for none. A call in a thread
    cannot be interrupted: give the client that makes the request a time limit."""

    @abstractmethod
    def tag_frame(
        self, img: Pixels, *args: Any, **kwargs: Any
    ) -> list[FrameTag] | Coroutine[Any, Any, list[FrameTag]]:
        """Tag one frame.

        Write it as `tag_frame(self, img)`, or as `tag_frame(self, img, context)` to get a
        `FrameContext` with the frame's time, index and file as well.

        Args:
            img: RGB, uint8, shape (H, W, 3), upright.
            args: Lets type checkers accept both forms.
            kwargs: The same.

        Returns:
            The frame's tags, possibly none; boxes as fractions (0..1) of width and height.
        """


class BatchFrameModel(ABC):
    """A model that tags several frames in one call, such as one that runs on a GPU.

    Extend it with one method; this is a whole `main.py`:

        from common_ml import BatchFrameModel, FrameTag, catch_errors, run_default

        class Brightness(BatchFrameModel):
            batch_size = 32

            def tag_frames(self, imgs):
                means = imgs.mean(axis=(1, 2, 3))
                return [[FrameTag(tag="bright" if mean > 127 else "dark")] for mean in means]

        if __name__ == "__main__":
            with catch_errors():
                run_default(Brightness())
    """

    batch_size: int = 16
    """Maximum number of frames per call; fewer at the end of a video, after a change of size, and
    permanently once a batch did not fit into memory."""
    frame_size: int | tuple[int, int] | None = None
    """Pixels of the longer side, or (width, height), that frames are scaled to while they are
    decoded; boxes still become those of the whole picture. A class attribute."""
    fit: Fit = "contain"
    """How a picture comes to (width, height): `contain` adds black bars, `cover` cuts off what
    reaches out, `stretch` changes the ratio of the sides."""

    @abstractmethod
    def tag_frames(self, imgs: Pixels, *args: Any, **kwargs: Any) -> list[list[FrameTag]]:
        """Tag the frames of a batch.

        Write it as `tag_frames(self, imgs)`, or as `tag_frames(self, imgs, contexts)` to get a list
        with a `FrameContext` for each frame as well.

        Args:
            imgs: RGB, uint8, shape (N, H, W, 3) with 1 <= N <= `batch_size`, upright.
            args: Lets type checkers accept both forms.
            kwargs: The same.

        Returns:
            N lists of tags, in the order of the frames.

        Raises:
            MemoryError: (or torch's CUDA out-of-memory error) the batch is too large: it is
                retried in halves.
        """

    @staticmethod
    def from_frame_model(model: FrameModel) -> BatchFrameModel:
        """Return a batch model that passes the frames of a batch to `model` one by one."""
        return _InTurn(model) if takes(model.tag_frame, "context") else _OneByOne(model)


class _OneByOne(BatchFrameModel):
    def __init__(self, model: FrameModel) -> None:
        self.wrapped = model

    def tag_frames(self, imgs: Pixels) -> list[list[FrameTag]]:
        return [self.wrapped.tag_frame(img) for img in imgs]  # type: ignore[misc] # not a coroutine


class _InTurn(BatchFrameModel):
    """The same for a model that takes the context of a frame."""

    def __init__(self, model: FrameModel) -> None:
        self.wrapped = model

    def tag_frames(self, imgs: Pixels, contexts: list[FrameContext]) -> list[list[FrameTag]]:
        return [
            self.wrapped.tag_frame(img, context=context)  # type: ignore[misc] # not a coroutine
            for img, context in zip(imgs, contexts, strict=True)
        ]


def frame_size_of(model: object) -> FrameSize | None:
    """Return the size that the class of a model declares for its frames; None for their own.

    Raises:
        ValueError: it declares one that is none.
    """
    of_frames = model.wrapped if isinstance(model, (_OneByOne, _InTurn)) else model
    declared = getattr(type(of_frames), "frame_size", None)
    if not isinstance(declared, (int, tuple, list)):
        return None  # another attribute of that name, such as a property of an existing model
    return FrameSize.of(declared, getattr(type(of_frames), "fit", "contain"))
