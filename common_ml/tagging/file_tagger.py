"""Tag one file at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from common_ml.stages import tally, within
from common_ml.tagging.calls.call_policy import file_call, leaving_forked_children, validator
from common_ml.tagging.calls.validator import not_a_tag, tag_list
from common_ml.tagging.frames.video import FrameTagging
from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.models.av import AVModel, FrameBasedAVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.models.windows import streams_windows, tags_of_windows
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.run_shape import RunShape, shape_of

# Existing model repos rely on the names of `from ...file_tagger import *`.
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
    """Tag one file at a time, of any kind."""

    @abstractmethod
    def tag(self, file: str) -> list[Tag]:
        """Return all tags of `file`; an empty `source_media` means this file.

        Raises:
            MediaError: the file cannot be used.
        """

    def iter_tags(self, file: str) -> Iterator[Tag]:
        """Yield the tags as they are found; by default, those that `tag` returns."""
        yield from self.tag(file)

    @staticmethod
    def from_video_model(model: AVModel, *, options: SdkOptions | None = None) -> FileTagger:
        """Return a tagger that passes each file to `model`.

        Args:
            model: Receives the paths.
            options: How runs are shaped; as they come by default.
        """
        if isinstance(model, FrameBasedAVModel):
            return _FrameFileTagger(model.tagging)  # streams the tags of a long film
        return _AVFileTagger(model, shape_of(options or SdkOptions()))

    @staticmethod
    def from_frame_model(
        model: FrameModel | BatchFrameModel,
        fps: float = 1.0,
        allow_single_frame: bool = False,
    ) -> FileTagger:
        """Return a tagger that samples a file's frames for `model`.

        Args:
            model: Receives the frames.
            fps: Frames sampled per second of video, finite and > 0.
            allow_single_frame: Whether a run of one sampled frame becomes a time range.

        Raises:
            ValueError: fps is not a finite number > 0.
        """
        return _FrameFileTagger(
            FrameTagging(model, SdkOptions(fps=fps, allow_single_frame=allow_single_frame))
        )


class _StreamingTagger(FileTagger):
    """A tagger of the SDK, whose tags are validated already."""

    def tag(self, file: str) -> list[Tag]:
        return list(self.iter_tags(file))


class _AVFileTagger(_StreamingTagger):
    def __init__(self, model: AVModel, shape: RunShape) -> None:
        self._model = model
        self._shape = shape

    def iter_tags(self, file: str) -> Iterator[Tag]:
        if self._shape.changes_runs:  # all tags have to be there
            return iter(self._shape.merged(self._tags(file)))
        return self._tags(file)

    def _tags(self, file: str) -> Iterator[Tag]:
        if streams_windows(self._model):
            yield from tags_of_windows(self._model, file)
            return
        method = f"{type(self._model).__name__}.tag"
        with file_call(method, file):
            tally("calls")
            with within("model"):
                tags = self._model.tag(file)
            last = 0
            for tag in _of_file(tags, file, method=method):
                last = max(last, tag.end_time)
                yield tag
            validator().seconds.check(method, file, last=last)


class _FrameFileTagger(_StreamingTagger):
    def __init__(self, tagging: FrameTagging) -> None:
        self._tagging = tagging

    def iter_tags(self, file: str) -> Iterator[Tag]:
        return self._tagging.tag_file(file)


def tags_of(tagger: FileTagger, file: str) -> Iterator[Tag]:
    """Return an iterator over the tags of `file`, validated for an author's tagger too.

    Raises:
        ModelOutputError: the tagger returned something other than tags.
    """
    if isinstance(tagger, _StreamingTagger):
        return tagger.iter_tags(file)
    return _of_author(tagger, file)


def _of_author(tagger: FileTagger, file: str) -> Iterator[Tag]:
    method = f"{type(tagger).__name__}.iter_tags"
    tally("calls")
    with leaving_forked_children():
        with within("model"):
            tags = tagger.iter_tags(file)
        yield from _of_file(tags, file, method=method)


def _of_file(tags: object, file: str, *, method: str) -> Iterator[Tag]:
    """Yield the tags of an author's method, validated, with `source_media` filled in."""
    if isinstance(tags, Iterator):
        tags = within("model").each(tags)
    else:
        tags = tag_list(tags, Tag, where=(method, None))
    for position, tag in enumerate(tags):
        if not isinstance(tag, Tag):
            raise not_a_tag(tag, Tag, where=(method, None), position=position)
        good = validator().tag(tag, method=method)
        yield good if good.source_media else replace(good, source_media=file)
