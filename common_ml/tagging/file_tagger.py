"""One file in, tags out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union  # noqa: UP035 - star imports

import numpy as np

from common_ml import stages
from common_ml.tagging.frame_tagging import FrameTagging
from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.model_output import no_tag, tag_list
from common_ml.tagging.models.av import AVModel, FrameBasedAVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.options import SdkOptions
from common_ml.tagging.oversight import file_call, judge

# Model repos do `from ...file_tagger import *` and use what they find.
__all__ = [
    "ABC",
    "AVModel",
    "Any",
    "BatchFrameModel",
    "Dict",
    "FileTagger",
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


class FileTagger(ABC):
    """Tags one file at a time, whatever is in it."""

    @abstractmethod
    def tag(self, file: str) -> list[Tag]:
        """All tags of `file`; an empty `source_media` means this file.

        Raises:
            MediaError: the file cannot be used.
        """

    def iter_tags(self, file: str) -> Iterator[Tag]:
        """The same tags, as they come; what `tag` returns by default."""
        yield from self.tag(file)

    @staticmethod
    def from_video_model(model: AVModel) -> FileTagger:
        """A tagger that hands each file to `model`."""
        if isinstance(model, FrameBasedAVModel):
            return _FrameFileTagger(model.tagging)  # its tags as they come, not a whole film's
        return _AVFileTagger(model)

    @staticmethod
    def from_frame_model(
        model: FrameModel | BatchFrameModel,
        fps: float = 1.0,
        allow_single_frame: bool = False,  # noqa: FBT001, FBT002 - the published signature
    ) -> FileTagger:
        """A tagger that samples a file's frames for `model`.

        Args:
            model: Gets the frames.
            fps: Frames sampled per second of video, finite and > 0.
            allow_single_frame: Whether a run of one sampled frame becomes a time range.

        Raises:
            ValueError: fps is not a finite number > 0.
        """
        return _FrameFileTagger(
            FrameTagging(model, SdkOptions(fps=fps, allow_single_frame=allow_single_frame))
        )


class _StreamingTagger(FileTagger):
    """One of our own: its tags have been judged."""

    def tag(self, file: str) -> list[Tag]:
        return list(self.iter_tags(file))


class _AVFileTagger(_StreamingTagger):
    def __init__(self, model: AVModel) -> None:
        self._model = model

    def iter_tags(self, file: str) -> Iterator[Tag]:
        method = f"{type(self._model).__name__}.tag"
        with file_call(method, file):
            stages.tally("calls")
            tags = stages.called("model", self._model.tag, file)
            yield from _of_file(tags, file, method=method)


class _FrameFileTagger(_StreamingTagger):
    def __init__(self, tagging: FrameTagging) -> None:
        self._tagging = tagging

    def iter_tags(self, file: str) -> Iterator[Tag]:
        return self._tagging.tag_file(file)


def tags_of(tagger: FileTagger, file: str) -> Iterator[Tag]:
    """What a tagger finds in `file`, whoever wrote it: good tags of a file.

    Raises:
        ModelOutputError: something else came.
    """
    if isinstance(tagger, _StreamingTagger):
        return tagger.iter_tags(file)
    method = f"{type(tagger).__name__}.iter_tags"
    stages.tally("calls")
    tags = stages.called("model", tagger.iter_tags, file)
    return _of_file(tags, file, method=method)


def _of_file(tags: object, file: str, *, method: str) -> Iterator[Tag]:
    """The tags that an author's method returned for `file`, those without a source named."""
    if not isinstance(tags, Iterator):
        tags = tag_list(tags, Tag, where=(method, None))
    for position, tag in enumerate(tags):
        if not isinstance(tag, Tag):
            raise no_tag(tag, Tag, where=(method, None), position=position)
        good = judge().tag(tag, method=method)
        yield good if good.source_media else replace(good, source_media=file)
