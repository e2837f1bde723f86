"""Call a frame model in batches that fit its batch size and the memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from common_ml.errors import ModelOutputError
from common_ml.stages import tally, within
from common_ml.tagging.calls.batch_memory import BatchMemory
from common_ml.tagging.calls.call_policy import frame_call, validator
from common_ml.tagging.calls.concurrency import concurrency_of
from common_ml.tagging.calls.gpu_errors import free_cached_memory, is_out_of_memory
from common_ml.tagging.calls.validator import named
from common_ml.tagging.job.context import current_job
from common_ml.tagging.job.log import SafeLogger
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel, frame_size_of
from common_ml.tagging.models.frame_context import FrameContext, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from common_ml.media.frame_size import FrameSize
    from common_ml.tagging.calls.validator import FrameRef
    from common_ml.tagging.models.frame_based import Pixels
    from common_ml.tagging.models.tag_types import FrameTag

logger = SafeLogger(__name__)

Item = TypeVar("Item")


class FrameCaller(ABC):
    """Common interface to both kinds of frame model."""

    size: int
    """Current maximum number of frames per call; it may shrink."""
    frame_size: FrameSize | None = None
    """Size that the model wants its frames in; None for their own."""

    @abstractmethod
    def tag(self, images: list[Pixels], shots: Sequence[FrameRef]) -> list[list[FrameTag]]:
        """Tag frames of one shape.

        Args:
            images: RGB, uint8, each (H, W, 3), all of one shape. The list is emptied during the
                call, so that the frames are not held in memory twice.
            shots: The origin of each image.

        Returns:
            One list of tags for each image, in order.

        Raises:
            ModelOutputError: the model returned something other than lists of valid FrameTags.
        """

    @staticmethod
    def of(model: FrameModel | BatchFrameModel) -> FrameCaller:
        """Return the caller for the kind of `model`.

        Raises:
            TypeError: it is neither a FrameModel nor a BatchFrameModel.
            ValueError: its batch_size is not an int >= 1.
        """
        if not isinstance(model, (FrameModel, BatchFrameModel)):
            expected = "a FrameModel or a BatchFrameModel"  # type: ignore[unreachable] # an author may pass anything
            raise TypeError(f"expected {expected}, got {type(model).__name__}")
        caller: FrameCaller
        if isinstance(model, BatchFrameModel):
            caller = _BatchCaller(model)
        elif (concurrency := concurrency_of(model, model.tag_frame)) > 1:
            caller = _ConcurrentCaller(model, concurrency)
        else:
            caller = _SingleCaller(model)
        caller.frame_size = frame_size_of(model)
        return caller

    def _of_whole(self, tags: list[FrameTag], shot: FrameRef) -> list[FrameTag]:
        """Return the tags of a frame of `frame_size`, with the boxes of the whole picture."""
        if self.frame_size is None or shot.size is None:
            return tags
        size, (width, height) = self.frame_size, shot.size
        return [
            tag if tag.box is None else replace(tag, box=size.box_of_whole(tag.box, width, height))
            for tag in tags
        ]


def batches_of_one_shape(
    items: Iterable[Item], *, shape: Callable[[Item], object], size: Callable[[], int]
) -> Iterator[list[Item]]:
    """Yield batches of consecutive items of one shape, each of at most `size()` items."""
    batch: list[Item] = []
    for item in items:
        if batch and shape(batch[0]) != shape(item):
            yield batch
            batch = []
        batch.append(item)
        if len(batch) >= size():  # at once: a complete batch need not wait for the next item
            yield batch
            batch = []
    if batch:
        yield batch


class _SingleCaller(FrameCaller):
    size = 1

    def __init__(self, model: FrameModel) -> None:
        self._model = model
        self._method = f"{type(model).__name__}.tag_frame"
        self._takes_context = takes(model.tag_frame, "context")

    def tag(self, images: list[Pixels], shots: Sequence[FrameRef]) -> list[list[FrameTag]]:
        tags = [self._call(image, shot) for image, shot in zip(images, shots, strict=True)]
        images.clear()
        return tags

    def _call(self, image: Pixels, shot: FrameRef) -> list[FrameTag]:
        size = image.shape[:2]
        with frame_call(self._method, [shot], image[np.newaxis]):
            tally("calls")
            with within("model"):
                if self._takes_context:
                    found = self._model.tag_frame(image, context=_context(shot, size))
                else:
                    found = self._model.tag_frame(image)
            tags = validator().frame_tags(found, method=self._method, shot=shot, size=size)
            return self._of_whole(tags, shot)


class _ConcurrentCaller(FrameCaller):
    """Several calls of `tag_frame` at once."""

    def __init__(self, model: FrameModel, concurrency: int) -> None:
        from common_ml.tagging.calls.concurrent_calls import GROUP, ConcurrentCalls

        self._model = model
        self._method = f"{type(model).__name__}.tag_frame"
        self._takes_context = takes(model.tag_frame, "context")
        self._calls = ConcurrentCalls(model, model.tag_frame, concurrency=concurrency)
        self.size = GROUP * concurrency

    def tag(self, images: list[Pixels], shots: Sequence[FrameRef]) -> list[list[FrameTag]]:
        frames = list(images)
        images.clear()
        calls = [self._call(image, shot) for image, shot in zip(frames, shots, strict=True)]
        tags = []
        with closing(self._calls.results(calls)) as results:
            for image, shot, result in zip(frames, shots, results, strict=True):
                with frame_call(self._method, [shot], image[np.newaxis]):
                    tally("calls")
                    with within("model"):
                        found = result()
                    size = image.shape[:2]
                    valid = validator().frame_tags(found, method=self._method, shot=shot, size=size)
                tags.append(self._of_whole(valid, shot))
        return tags

    def _call(self, image: Pixels, shot: FrameRef) -> Callable[[], Any]:
        if self._takes_context:
            context = _context(shot, image.shape[:2])
            return lambda: self._model.tag_frame(image, context=context)
        return lambda: self._model.tag_frame(image)


class _BatchCaller(FrameCaller):
    def __init__(self, model: BatchFrameModel) -> None:
        size = model.batch_size
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{type(model).__name__}.batch_size must be an int >= 1, got {size!r}")
        self._model = model
        self._method = f"{type(model).__name__}.tag_frames"
        self._takes_contexts = takes(model.tag_frames, "contexts")
        self._memory = BatchMemory()
        self.size = size

    def tag(self, images: list[Pixels], shots: Sequence[FrameRef]) -> list[list[FrameTag]]:
        batch = _stacked(images, self._memory)
        tags: list[list[FrameTag]] = []
        too_large, worked = 0, self.size
        try:
            while len(tags) < len(batch):
                place = slice(len(tags), len(tags) + self.size)
                part = batch[place]
                found = self._call(part, shots[place])
                if found is None:
                    free_cached_memory()
                    too_large = max(too_large, len(part))
                    self.size = len(part) // 2
                    continue
                tags += found
                worked = self.size
        except BaseException:
            self.size = worked  # one frame alone is too much: that says nothing of other files
            raise
        if too_large:
            logger.warning(
                "a batch of %d frames of %dx%d does not fit into memory: "
                "going on with at most %d in a call",
                too_large,
                batch.shape[2],
                batch.shape[1],
                self.size,
            )
        return tags

    def _call(self, batch: Pixels, shots: Sequence[FrameRef]) -> list[list[FrameTag]] | None:
        """Return the tags of `batch`, or None if it does not fit into memory and can be halved.

        The error is dropped before the caller retries: its traceback keeps the memory alive.
        """
        method, size = self._method, batch.shape[1:3]
        with frame_call(method, shots, batch):
            try:
                tally("calls")
                with within("model"):
                    if self._takes_contexts:
                        contexts = [_context(shot, size) for shot in shots]
                        found = self._model.tag_frames(batch, contexts=contexts)
                    else:
                        found = self._model.tag_frames(batch)
            except Exception as error:
                if len(batch) > 1 and is_out_of_memory(error):
                    return None
                raise
            return [
                self._of_whole(
                    validator().frame_tags(of_frame, method=method, shot=shot, size=size), shot
                )
                for of_frame, shot in zip(_one_each(found, shots, method), shots, strict=True)
            ]


def _context(shot: FrameRef, size: tuple[int, ...]) -> FrameContext:
    """Return the context of a frame of `size`, its height and width."""
    return FrameContext(
        path=shot.source_media,
        index=shot.index,
        seconds=shot.seconds,
        size=shot.size or (size[1], size[0]),
        previous_seconds=shot.previous_seconds,
        params=current_job().params,
    )


def _one_each(found: object, shots: Sequence[FrameRef], method: str) -> Sequence[object]:
    """Return the model's result for a batch if it is a list with one element per frame."""
    if isinstance(found, (list, tuple)) and len(found) == len(shots):
        return found
    if isinstance(found, (list, tuple)):
        got = f"{len(found)}"
    else:
        got = "None" if found is None else type(found).__name__
    raise ModelOutputError(
        f"{method}, {named(shots)}, must return one list of tags for each of the "
        f"{len(shots)} frames, got {got}; return [] for a frame without tags"
    )


def _stacked(images: list[Pixels], memory: BatchMemory) -> Pixels:
    """Stack the images into one array (N, H, W, 3); release each as soon as it is copied."""
    batch = memory.batch((len(images), *images[0].shape))
    images.reverse()
    for place in range(len(batch)):
        batch[place] = images.pop()
    return batch
