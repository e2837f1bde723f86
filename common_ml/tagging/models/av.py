"""Base class of models that tag a whole file, such as video or sound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from common_ml.tagging.frames.video import FrameTagging
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameInfo, FrameTag, Tag
from common_ml.tagging.params.sdk_options import SdkOptions

# Existing model repos rely on the names of `from ...av import *`.
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
            fpath: The path as received from the runtime, relative to the working directory.

        Returns:
            The file's tags, times in milliseconds from its start. An empty `source_media` means
            this file.
        """

    def on_completion(self) -> Iterator[Tag]:
        """Return the tags that are known only at the end of input; called once. None by default.

        Each tag must name its `source_media`, exactly as `tag` received it.
        """
        return iter(())

    @staticmethod
    def _to_milliseconds(seconds: float) -> int:
        """Return seconds as whole milliseconds; models of existing repos call this."""
        return round(seconds * 1000)

    @staticmethod
    def _frame_tag_to_video_tag(
        frame_tag: FrameTag, frame_idx: int, source_media: str, time_s: float
    ) -> Tag:
        """Return the tag of a frame as a tag of its file; models of existing repos call this."""
        milliseconds = AVModel._to_milliseconds(time_s)
        return frame_tag.to_tag(
            start_time=milliseconds,
            end_time=milliseconds,
            source_media=source_media,
            frame_info=FrameInfo(frame_idx, frame_tag.box),
        )

    @staticmethod
    def from_frame_model(
        frame_model: FrameModel | BatchFrameModel,
        fps: float,
        allow_single_frame: bool,
    ) -> AVModel:
        """Return a model that samples `fps` frames per second of a file for `frame_model`."""
        return FrameBasedAVModel(
            FrameTagging(frame_model, SdkOptions(fps=fps, allow_single_frame=allow_single_frame))
        )


class FrameBasedAVModel(AVModel):
    """Adapter from a frame model to `AVModel`."""

    def __init__(self, tagging: FrameTagging) -> None:
        self.tagging = tagging

    def tag(self, fpath: str) -> list[Tag]:
        return list(self.tagging.tag_file(fpath))
