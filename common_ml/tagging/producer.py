"""Produce messages from files: the most general interface of a tagger."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import groupby, islice
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np

from common_ml.errors import MediaError
from common_ml.media import limits
from common_ml.media.images.kept_threads import KeptThreads
from common_ml.tagging.calls.file_stamp import Stamp, check_unchanged, stamp_of
from common_ml.tagging.file_tagger import FileTagger, tags_of
from common_ml.tagging.frames.opened_files import OpenedFiles
from common_ml.tagging.frames.still_images import tag_images
from common_ml.tagging.frames.video import FrameTagging, image_tags
from common_ml.tagging.job.context import current_job
from common_ml.tagging.messages import Error, FrameInfo, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.params.sdk_options import SdkOptions

# Existing model repos rely on the names of `from ...producer import *`.
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
"""Maximum number of still images classified before the first of them is tagged."""


class TagMessageProducer(ABC):
    """Turn files into messages; the most general class that an author can extend.

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
        """Yield the messages of `files`, the paths that arrived together.

        Each file must end in exactly one `Progress`, after its tags, or in one `Error`, possibly
        in a later call or in `on_completion`. An exception fails all files of the call that
        have neither yet.
        """

    def on_completion(self) -> Iterator[Message]:
        """Return the remaining messages at the end of input; called once. None by default."""
        return iter(())

    @staticmethod
    def from_file_tagger(t: FileTagger) -> TagMessageProducer:
        """Return a producer that tags one file after the other with `t`."""
        return FileProducer(t)

    @staticmethod
    def from_model(
        model: FrameModel | BatchFrameModel | AVModel,
        fps: float = 1.0,
        allow_single_frame: bool = True,
        *,
        options: SdkOptions | None = None,
    ) -> TagMessageProducer:
        """Return a producer that tags files with `model`; a failing file makes `produce` raise.

        Args:
            model: Any model.
            fps: Frames sampled per second of video, for a frame model.
            allow_single_frame: Whether a run of one sampled frame becomes a time range.
            options: The SDK's other keys; its `fps` and `allow_single_frame` are ignored.

        Raises:
            ValueError: fps is not a finite number > 0.
            TypeError: the model is not of a known kind.
        """
        if isinstance(model, AVModel):
            return _AVProducer(model, options)
        return _FrameProducer(
            FrameTagging(
                model,
                replace(options or SdkOptions(), fps=fps, allow_single_frame=allow_single_frame),
            ),
            gains_from_batches=isinstance(model, BatchFrameModel),
        )


class FileProducer(TagMessageProducer):
    """Tag files one by one, so that the failure of one does not affect the others.

    `TagMessageProducer.from_...` return instances of this class.
    """

    gains_from_batches: bool = False
    """Whether the model gains from waiting for more files before the first is tagged."""

    def __init__(self, tagger: FileTagger) -> None:
        self._tagger = tagger
        self.model: object = tagger
        """The model or file tagger."""
        self.author = type(tagger).__name__
        """The name of the class that does the work, for messages to who wrote it."""

    def produce(self, files: list[str]) -> Iterator[Message]:
        for _, messages in self.per_file(files):
            yield from messages

    def per_file(self, files: Sequence[str]) -> OfFiles:
        """Yield each file with its messages, `Progress` last; iterating them raises on failure."""
        for file in files:
            yield file, _with_progress(file, self._tags_of(file), stamp_of(file))

    def end_threads(self) -> None:
        """End the threads that wait for more files; a further file starts them again."""

    def _tags_of(self, file: str) -> Iterator[Tag]:
        if limits.in_force().max_file_seconds is not None:
            from common_ml.media.probe import check_limits

            check_limits(file)
        yield from tags_of(self._tagger, file)  # a generator: it raises when iterated


class _AVProducer(FileProducer):
    def __init__(self, model: AVModel, options: SdkOptions | None) -> None:
        super().__init__(FileTagger.from_video_model(model, options=options))
        self._model = self.model = model
        self.author = type(model).__name__

    def on_completion(self) -> Iterator[Message]:
        last: Iterator[Tag] | None = self._model.on_completion()
        if last is not None:  # None where `on_completion` only cleans up
            yield from last


class _FrameProducer(FileProducer):
    def __init__(self, tagging: FrameTagging, *, gains_from_batches: bool) -> None:
        self._tagging = tagging
        self.model = tagging.model
        self.author = tagging.author
        self.gains_from_batches = gains_from_batches
        self._threads = KeptThreads()

    def per_file(self, files: Sequence[str]) -> OfFiles:
        with closing(OpenedFiles(files, self._tagging.open_video)) as opened_files:
            for is_image, group in groupby(opened_files, key=lambda one: one.kind == "image"):
                if is_image:
                    while chunk := [(one.path, one.stamp) for one in islice(group, _LOOK_AHEAD)]:
                        yield from self._still_images(chunk)
                else:
                    for one in group:
                        tags = (
                            one.kind
                            if isinstance(one.kind, MediaError)
                            else self._tagging.tag_opened(one, opened_files.prepare_next)
                        )
                        yield one.path, _with_progress(one.path, tags, one.stamp)

    def end_threads(self) -> None:
        self._threads.close()

    def _still_images(self, chunk: list[tuple[str, Stamp | None]]) -> OfFiles:
        outcomes = tag_images([file for file, _ in chunk], self._tagging.caller, self._threads)
        for (file, outcome), (_, stamp) in zip(outcomes, chunk, strict=False):
            if isinstance(outcome, BaseException):
                yield file, _with_progress(file, outcome, stamp)
            else:
                yield file, _with_progress(file, image_tags(file, outcome), stamp)


@contextmanager
def threads_of(producer: TagMessageProducer) -> Iterator[None]:
    """End the threads of a producer of ours with the block."""
    try:
        yield
    finally:
        if isinstance(producer, FileProducer):
            producer.end_threads()


def _with_progress(
    file: str, tags: Iterator[Tag] | BaseException, before: Stamp | None
) -> Generator[Message, None, None]:
    """Yield the messages of one file, or raise its failure.

    Args:
        file: The path as received.
        tags: Its tags, or its failure.
        before: Its stamp when its tagging began.
    """
    if isinstance(tags, BaseException):
        raise tags
    with current_job().current_file(file):
        yield from tags
    check_unchanged(file, before)
    yield Progress(source_media=file)
