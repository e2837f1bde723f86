"""Items of PyTorch datasets: pictures with boxes as detection models take them, and clips."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.errors import MissingExtraError

try:
    import torch
    import torch.utils.data
except ImportError as missing:
    raise MissingExtraError("torch", extra="torch") from missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.data.clips import Clip
    from common_ml.data.sample import Sample

MAX_WORKERS = 256
"""Number of counters; more workers than that share one."""
logger = logging.getLogger("common_ml.data.torch")


class ImageId(int):
    """An int that older training loops can use as the tensor they expect."""

    def item(self) -> int:
        """Return the number."""
        return int(self)

    def to(self, *_: Any, **__: Any) -> ImageId:
        """Return itself: a number is on no device."""
        return self


class BoxChanges:
    """Boxes that were changed to suit a detector, counted in all workers together."""

    def __init__(self) -> None:
        # In shared memory, so that the counts of forked and spawned workers are visible to all.
        self._counts = torch.zeros((MAX_WORKERS, 2), dtype=torch.int64).share_memory_()

    def add(self, *, clamped: int, dropped: int) -> None:
        """Count the boxes of a picture."""
        worker = torch.utils.data.get_worker_info()
        row = self._counts[0 if worker is None else worker.id % MAX_WORKERS]
        if dropped and not int(row[1]):
            logger.warning("boxes without area are left out of training targets, see counts()")
        row[0] += clamped
        row[1] += dropped

    def totals(self) -> dict[str, int]:
        """`clamped`: boxes that reached beyond the picture; `dropped`: boxes without area."""
        clamped, dropped = self._counts.sum(dim=0).tolist()
        return {"clamped": clamped, "dropped": dropped}


def detection_target(
    sample: Sample, counts: BoxChanges | None = None
) -> tuple[Any, dict[str, Any]]:
    """Convert a sample to image and target of torchvision's detection models (except / 255).

    Args:
        sample: The picture.
        counts: Counts what is changed.
    """
    image = sample.image
    height, width, _ = image.shape
    given = sample.boxes
    boxes = given.clip(0, np.array([width, height, width, height], np.float32))
    kept = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    if counts is not None:
        clamped = int((kept & (boxes != given).any(axis=1)).sum())
        counts.add(clamped=clamped, dropped=len(boxes) - int(kept.sum()))
    boxes = boxes[kept]
    sizes = boxes[:, 2:] - boxes[:, :2]
    annotations = [one for one, is_kept in zip(sample.located, kept, strict=True) if is_kept]
    known = [_number(one.attributes.get("area")) for one in annotations]
    areas = [
        size if area is None else area
        for area, size in zip(known, sizes.prod(axis=1).tolist(), strict=True)
    ]
    crowds = [int(_number(one.attributes.get("iscrowd")) or 0) for one in annotations]
    target = {
        "boxes": torch.from_numpy(boxes),
        "labels": torch.from_numpy(sample.labels[kept]),
        "image_id": ImageId(sample.number),
        "area": torch.tensor(areas, dtype=torch.float32),
        "iscrowd": torch.tensor(crowds, dtype=torch.int64),
    }
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), target


class Detection:
    """`detection_target` as a transform that counts what it changes."""

    def __init__(self, pixels: str = "uint8") -> None:
        if pixels not in ("uint8", "float32"):
            raise ValueError(f"pixels must be 'uint8' or 'float32', got {pixels!r}")
        self.pixels = pixels
        self.counts = BoxChanges()

    def __call__(self, sample: Sample) -> tuple[Any, dict[str, Any]]:
        """Return the item of a sample."""
        image, target = detection_target(sample, self.counts)
        return (image if self.pixels == "uint8" else image / 255), target


def counts_of(transform: object) -> dict[str, int]:
    """Return what a transform has counted; empty for one of the user's own."""
    return transform.counts.totals() if isinstance(transform, Detection) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def clip_target(clip: Clip) -> tuple[Any, dict[str, Any]]:
    """Convert a clip to frames, uint8, shape (T, 3, H, W), and target."""
    frames = torch.from_numpy(np.ascontiguousarray(clip.frames.transpose(0, 3, 1, 2)))
    return frames, {
        "labels": torch.from_numpy(clip.labels),
        "video_id": ImageId(clip.number),
        "start_seconds": clip.start_seconds,
        "end_seconds": clip.end_seconds,
    }


def collate(items: Iterable[Any]) -> tuple[Any, ...]:
    """Collate pairs to a pair of tuples: pictures of different sizes cannot be stacked."""
    return tuple(zip(*items, strict=True))
