"""Models that look at pictures: one frame at a time, or several at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union  # noqa: UP035 - star imports

import numpy as np
import numpy.typing as npt

from common_ml.tagging.models.tag_types import FrameInfo, FrameTag, Tag

# Model repos do `from ...frame_based import *` and use what they find.
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

    @abstractmethod
    def tag_frame(self, img: Pixels) -> list[FrameTag]:
        """Tag one frame.

        Args:
            img: RGB, uint8, shape (H, W, 3), upright.

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
    """How many frames a call gets at most; fewer at the end of a film, after a change of size,
    and for good once a batch did not fit into memory."""

    @abstractmethod
    def tag_frames(self, imgs: Pixels) -> list[list[FrameTag]]:
        """Tag the frames of a batch.

        Args:
            imgs: RGB, uint8, shape (N, H, W, 3) with 1 <= N <= `batch_size`, upright.

        Returns:
            N lists of tags, in the order of the frames.

        Raises:
            MemoryError: (or torch's CUDA out-of-memory error) the batch is too large: it is
                tried again in halves.
        """

    @staticmethod
    def from_frame_model(model: FrameModel) -> BatchFrameModel:
        """A batch model that hands the frames of a batch to `model` one by one."""
        return _OneByOne(model)


class _OneByOne(BatchFrameModel):
    def __init__(self, model: FrameModel) -> None:
        self._model = model

    def tag_frames(self, imgs: Pixels) -> list[list[FrameTag]]:
        return [self._model.tag_frame(img) for img in imgs]
