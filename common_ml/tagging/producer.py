"""Files in, messages out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union  # noqa: UP035 - star imports

import numpy as np

from common_ml.errors import MediaError
from common_ml.media import limits
from common_ml.media.kinds import Kind, media_kind
from common_ml.media.probe import check_limits
from common_ml.tagging.file_tagger import FileTagger, tags_of
from common_ml.tagging.frame_tagging import FrameTagging, image_tags
from common_ml.tagging.log import working_on
from common_ml.tagging.messages import Error, FrameInfo, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.options import SdkOptions
from common_ml.tagging.still_images import tag_images

# Model repos do `from ...producer import *` and use what they find.
__all__ = [
    "ABC",
    "AVModel",
    "Any",
    "BatchFrameModel",
    "Dict",
    "Error",
    "FileTagger",
    "FrameInfo",
    "FrameModel",
    "FrameTag",
    "Iterator",
    "List",
    "Message",
    "Optional",
    "Progress",
    "ProgressRatio",
    "Tag",
    "TagMessageProducer",
    "Tuple",
    "Union",
    "abstractmethod",
    "np",
]

OfFiles = Generator[tuple[str, Generator[Message, None, None]], None, None]
"""Each file with its messages."""

_LOOK_AHEAD = 64
"""How many still pictures are classified before the first of them is tagged."""


class TagMessageProducer(ABC):
    """Turns files into messages; the most general thing that an author can extend.

    This is a whole `main.py`:

        import os

        from common_ml import Tag, catch_errors, run_default
        from common_ml.tagging.messages import Progress
        from common_ml.tagging.producer import TagMessageProducer

        class Size(TagMessageProducer):
            def produce(self, files):
                for file in files:
                    yield Tag(tag=f"{os.path.getsize(file)} bytes", source_media=file)
                    yield Progress(source_media=file)

        if __name__ == "__main__":
            with catch_errors():
                run_default(Size())
    """

    @abstractmethod
    def produce(self, files: list[str]) -> Iterator[Message]:
        """The messages of `files`, the paths that arrived together.

        A file ends in exactly one `Progress`, after its tags, or in one `Error`. It may do so in
        a later call or in `on_completion`. An exception fails all files of the call that have
        neither yet.
        """

    def on_completion(self) -> Iterator[Message]:
        """The messages that are left when the input has ended; called once. None by default."""
        return iter(())

    @staticmethod
    def from_file_tagger(t: FileTagger) -> TagMessageProducer:
        """A producer that gives one file after the other to `t`."""
        return FileProducer(t)

    @staticmethod
    def from_model(
        model: FrameModel | BatchFrameModel | AVModel,
        fps: float = 1.0,
        allow_single_frame: bool = True,  # noqa: FBT001, FBT002 - the published signature
        *,
        options: SdkOptions | None = None,
    ) -> TagMessageProducer:
        """A producer that tags files with `model`; a failing file raises out of `produce`.

        Args:
            model: Any model.
            fps: Frames sampled per second of video, for a frame model.
            allow_single_frame: Whether a run of one sampled frame becomes a time range.
            options: The SDK's further keys; its `fps` and `allow_single_frame` do not count.

        Raises:
            ValueError: fps is not a finite number > 0.
            TypeError: the model is of none of these kinds.
        """
        if isinstance(model, AVModel):
            return _AVProducer(model)
        return _FrameProducer(
            FrameTagging(
                model,
                replace(options or SdkOptions(), fps=fps, allow_single_frame=allow_single_frame),
            ),
            gains_from_batches=isinstance(model, BatchFrameModel),
        )


class FileProducer(TagMessageProducer):
    """A producer that tags files one by one, so that the failure of one is its own.

    All producers that `TagMessageProducer.from_...` makes are such.
    """

    gains_from_batches: bool = False
    """Whether it is worth while to wait for more files before the first is tagged."""

    def __init__(self, tagger: FileTagger) -> None:
        self._tagger = tagger
        self.model: object = tagger
        """What does the work."""
        self.author = type(tagger).__name__
        """The name of the class that does the work, for messages to who wrote it."""

    def produce(self, files: list[str]) -> Iterator[Message]:
        for _, messages in self.per_file(files):
            yield from messages

    def per_file(self, files: Sequence[str]) -> OfFiles:
        """Each file with its messages, `Progress` last; iterating those raises if it fails."""
        for file in files:
            yield file, _with_progress(file, self._tags_of(file))

    def _tags_of(self, file: str) -> Iterator[Tag]:
        if limits.in_force().max_file_seconds is not None:
            check_limits(file)
        yield from tags_of(self._tagger, file)  # a generator: it raises when it is asked for tags


class _AVProducer(FileProducer):
    def __init__(self, model: AVModel) -> None:
        super().__init__(FileTagger.from_video_model(model))
        self._model = self.model = model
        self.author = type(model).__name__

    def on_completion(self) -> Iterator[Message]:
        last: Iterator[Tag] | None = self._model.on_completion()
        if last is not None:  # one that only tidies up returns nothing
            yield from last


class _FrameProducer(FileProducer):
    def __init__(self, tagging: FrameTagging, *, gains_from_batches: bool) -> None:
        self._tagging = tagging
        self.model = tagging.model
        self.author = tagging.author
        self.gains_from_batches = gains_from_batches

    def per_file(self, files: Sequence[str]) -> OfFiles:
        with_kinds = ((file, _kind_of(file)) for file in files)
        for is_image, group in groupby(with_kinds, key=lambda item: item[1] == "image"):
            if is_image:
                while chunk := [file for file, _ in islice(group, _LOOK_AHEAD)]:
                    yield from self._still_images(chunk)
            else:
                for file, kind in group:
                    if isinstance(kind, MediaError):
                        yield file, _with_progress(file, kind)
                    else:
                        yield file, _with_progress(file, self._tagging.tag_file(file, kind=kind))

    def _still_images(self, files: Sequence[str]) -> OfFiles:
        for file, outcome in tag_images(files, self._tagging.caller):
            if isinstance(outcome, Exception):
                yield file, _with_progress(file, outcome)
            else:
                yield file, _with_progress(file, image_tags(file, outcome))


def _kind_of(file: str) -> Kind | MediaError:
    try:
        return media_kind(file)
    except MediaError as error:
        return error


def _with_progress(file: str, tags: Iterator[Tag] | Exception) -> Generator[Message, None, None]:
    """The messages of one file; what went wrong with it is raised when they are asked for."""
    if isinstance(tags, Exception):
        raise tags
    with working_on(file):
        yield from tags
    yield Progress(source_media=file)
