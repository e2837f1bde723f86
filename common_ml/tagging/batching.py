"""Frames to a frame model, as many in one call as it takes and as fit into memory."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from common_ml import stages
from common_ml.errors import ModelOutputError
from common_ml.tagging.model_output import named
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.oversight import frame_call, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from common_ml.tagging.model_output import Shot
    from common_ml.tagging.models.frame_based import Pixels
    from common_ml.tagging.models.tag_types import FrameTag

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


class FrameCaller(ABC):
    """A frame model of either kind, called in one way."""

    size: int
    """How many frames a call takes now; it may shrink."""

    @abstractmethod
    def tag(self, images: list[Pixels], shots: Sequence[Shot]) -> list[list[FrameTag]]:
        """Tag frames of one shape.

        Args:
            images: RGB, uint8, each (H, W, 3), all of one shape. The list is emptied on the way,
                so that the frames are not held twice.
            shots: Where each of them comes from.

        Returns:
            One list of tags for each image, in order.

        Raises:
            ModelOutputError: the model returned something else than lists of good FrameTags.
        """

    @staticmethod
    def of(model: FrameModel | BatchFrameModel) -> FrameCaller:
        """The caller that fits the kind of `model`.

        Raises:
            TypeError: it is neither a FrameModel nor a BatchFrameModel.
            ValueError: its batch_size is not an int >= 1.
        """
        if isinstance(model, BatchFrameModel):
            return _BatchCaller(model)
        if isinstance(model, FrameModel):
            return _SingleCaller(model)
        raise TypeError(f"expected a FrameModel or a BatchFrameModel, got {type(model).__name__}")


def batches_of_one_shape(
    items: Iterable[Item], *, shape: Callable[[Item], object], size: Callable[[], int]
) -> Iterator[list[Item]]:
    """Neighbouring items of one shape, at most `size()` (asked each time) together, in order."""
    batch: list[Item] = []
    for item in items:
        if batch and shape(batch[0]) != shape(item):
            yield batch
            batch = []
        batch.append(item)
        if len(batch) >= size():  # at once: what is complete need not wait for the next item
            yield batch
            batch = []
    if batch:
        yield batch


class _SingleCaller(FrameCaller):
    size = 1

    def __init__(self, model: FrameModel) -> None:
        self._model = model
        self._method = f"{type(model).__name__}.tag_frame"

    def tag(self, images: list[Pixels], shots: Sequence[Shot]) -> list[list[FrameTag]]:
        tags = [self._call(image, shot) for image, shot in zip(images, shots, strict=True)]
        images.clear()
        return tags

    def _call(self, image: Pixels, shot: Shot) -> list[FrameTag]:
        size = image.shape[:2]
        with frame_call(self._method, [shot], image[np.newaxis]):
            stages.tally("calls")
            found = stages.called("model", self._model.tag_frame, image)
            return judge().frame_tags(found, method=self._method, shot=shot, size=size)


class _BatchCaller(FrameCaller):
    def __init__(self, model: BatchFrameModel) -> None:
        size = model.batch_size
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{type(model).__name__}.batch_size must be an int >= 1, got {size!r}")
        self._model = model
        self._method = f"{type(model).__name__}.tag_frames"
        self.size = size

    def tag(self, images: list[Pixels], shots: Sequence[Shot]) -> list[list[FrameTag]]:
        batch = _stacked(images)
        tags: list[list[FrameTag]] = []
        too_large = 0
        while len(tags) < len(batch):
            place = slice(len(tags), len(tags) + self.size)
            part = batch[place]
            found = self._call(part, shots[place])
            if found is None:
                too_large = max(too_large, len(part))
                self.size = len(part) // 2
                continue
            tags += found
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

    def _call(self, batch: Pixels, shots: Sequence[Shot]) -> list[list[FrameTag]] | None:
        """The tags of `batch`, or None where it does not fit into memory and can be halved.

        The error is dropped before the caller tries again: its traceback holds the memory.
        """
        method, size = self._method, batch.shape[1:3]
        with frame_call(method, shots, batch):
            try:
                stages.tally("calls")
                found = stages.called("model", self._model.tag_frames, batch)
            except Exception as error:
                if len(batch) > 1 and is_out_of_memory(error):
                    return None
                raise
            return [
                judge().frame_tags(of_frame, method=method, shot=shot, size=size)
                for of_frame, shot in zip(_one_each(found, shots, method), shots, strict=True)
            ]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` is a MemoryError or torch's error for a full GPU (torch is not imported)."""
    if isinstance(error, MemoryError):
        return True
    if type(error) is RuntimeError:  # torch before 1.13 had no class for it
        return str(error).startswith("CUDA out of memory")
    return any(
        cls.__name__ == "OutOfMemoryError" and cls.__module__.split(".")[0] == "torch"
        for cls in type(error).__mro__
    )


def _one_each(found: object, shots: Sequence[Shot], method: str) -> Sequence[object]:
    """What a model returned for a batch, if it is a list with one element for each frame."""
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


def _stacked(images: list[Pixels]) -> Pixels:
    """One array (N, H, W, 3) of the images; each is let go as soon as it is copied."""
    batch = np.empty((len(images), *images[0].shape), dtype=np.uint8)
    images.reverse()
    for place in range(len(batch)):
        batch[place] = images.pop()
    return batch
