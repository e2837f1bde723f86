"""Models that take a whole file: video, sound, or whatever they can read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union  # noqa: UP035 - star imports

import numpy as np

from common_ml.tagging.frame_tagging import FrameTagging
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameInfo, FrameTag, Tag
from common_ml.tagging.options import SdkOptions

# Model repos do `from ...av import *` and use what they find.
__all__ = [
    "ABC",
    "AVModel",
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


class AVModel(ABC):
    """A model that tags a file as a whole.

    Extend it with one method; this is a whole `main.py`:

        from common_ml import AVModel, Tag, catch_errors, run_default
        from common_ml.media.audio import read_audio

        class Loudness(AVModel):
            def tag(self, fpath):
                samples = read_audio(fpath, sample_rate=16000)
                return [
                    Tag(start_time=second * 1000, end_time=(second + 1) * 1000, tag="loud")
                    for second in range(len(samples) // 16000)
                    if abs(samples[second * 16000 : (second + 1) * 16000]).max() > 0.5
                ]

        if __name__ == "__main__":
            with catch_errors():
                run_default(Loudness())
    """

    @abstractmethod
    def tag(self, fpath: str) -> list[Tag]:
        """Tag one file.

        Args:
            fpath: The file's path as the runtime sent it, relative to the working directory.

        Returns:
            The file's tags, times in milliseconds from its start. An empty `source_media` means
            this file.
        """

    def on_completion(self) -> Iterator[Tag]:
        """Tags that are known only when the input has ended; called once. None by default.

        Each tag must name its `source_media`, exactly as `tag` received it.
        """
        return iter(())

    @staticmethod
    def from_frame_model(
        frame_model: FrameModel | BatchFrameModel,
        fps: float,
        allow_single_frame: bool,  # noqa: FBT001 - the published signature
    ) -> AVModel:
        """A model that samples a file's frames `fps` times a second for `frame_model`."""
        return FrameBasedAVModel(
            FrameTagging(frame_model, SdkOptions(fps=fps, allow_single_frame=allow_single_frame))
        )


class FrameBasedAVModel(AVModel):
    """A frame model in the clothes of an `AVModel`."""

    def __init__(self, tagging: FrameTagging) -> None:
        self.tagging = tagging

    def tag(self, fpath: str) -> list[Tag]:
        return list(self.tagging.tag_file(fpath))
