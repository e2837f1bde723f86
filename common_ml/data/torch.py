"""A dataset for PyTorch: map-style, and as a stream that decodes each video once.

    dataset = Dataset.open("tags.jsonl", media_root="media", per="frame")
    loader = DataLoader(dataset.to_pytorch(), batch_size=4, collate_fn=collate, num_workers=2)
    for images, targets in loader: ...

Without a transform an item is a pair as torchvision's detection models want it, but for
`image / 255`: the picture as uint8, shape (3, H, W), and a dict of `boxes` (float32, N x 4,
pixels), `labels` (int64, from 1 on), `image_id`, `area` and `iscrowd`. A transform gets a `Sample`,
which can be used as a dict of arrays, and what it returns is the item. Workers that are spawned
need one that can be pickled: a function of a module.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.errors import MissingExtraError

try:
    import torch
    import torch.distributed
    import torch.utils.data
except ImportError as missing:
    raise MissingExtraError("torch", extra="torch") from missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from common_ml.data.dataset import Dataset
    from common_ml.data.sample import Sample

    Transform = Callable[[Sample], Any]


def map_style(dataset: Dataset, transform: Transform | None) -> TaggedPictures:
    """Any sample by its place; for shuffling over the whole dataset."""
    return TaggedPictures(dataset, transform)


def iterable(
    dataset: Dataset, transform: Transform | None, *, shuffle_buffer: int, seed: int
) -> TaggedStream:
    """Samples as a stream, shared out over workers and ranks.

    Raises:
        ValueError: the buffer is smaller than nothing.
    """
    if shuffle_buffer < 0:
        raise ValueError(f"shuffle_buffer must be >= 0, got {shuffle_buffer}")
    return TaggedStream(dataset, transform, shuffle_buffer=shuffle_buffer, seed=seed)


def detection_target(sample: Sample) -> tuple[Any, dict[str, Any]]:
    """A picture and its boxes, as torchvision's detection models want them (but for / 255)."""
    boxes = torch.from_numpy(sample.boxes)
    sizes = boxes[:, 2:] - boxes[:, :2]
    target = {
        "boxes": boxes,
        "labels": torch.from_numpy(sample.labels),
        "image_id": torch.tensor(sample.number),
        "area": sizes[:, 0] * sizes[:, 1],
        "iscrowd": torch.zeros(len(boxes), dtype=torch.int64),
    }
    return torch.from_numpy(np.ascontiguousarray(sample.image.transpose(2, 0, 1))), target


def collate(items: Iterable[Any]) -> tuple[Any, ...]:
    """Pairs -> a pair of tuples: pictures of different sizes do not fit into one tensor."""
    return tuple(zip(*items, strict=True))


class TaggedPictures(torch.utils.data.Dataset):
    """Items by their place."""

    def __init__(self, dataset: Dataset, transform: Transform | None) -> None:
        self.dataset = dataset
        self.transform = transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, place: int) -> Any:
        sample = self.dataset[int(place)]
        return (self.transform or detection_target)(sample)


class TaggedStream(torch.utils.data.IterableDataset):
    """Items of each video in order, each video in one worker of one rank.

    `set_epoch` gives another order. Ranks may get different numbers of items, as videos have:
    with DistributedDataParallel use its `join`.
    """

    def __init__(
        self, dataset: Dataset, transform: Transform | None, *, shuffle_buffer: int, seed: int
    ) -> None:
        self.dataset = dataset
        self.transform = transform
        self.shuffle_buffer = shuffle_buffer
        """Items that wait to be drawn from; 0: nothing is shuffled."""
        self.seed = seed
        self.epoch = 0
        self._world: tuple[int, int] | None = None  # of the process that has sent it to a worker

    def set_epoch(self, epoch: int) -> None:
        """Choose another order; call it before each pass, in every rank alike."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Any]:
        worker = torch.utils.data.get_worker_info()
        number, count = (0, 1) if worker is None else (worker.id, worker.num_workers)
        rank, world_size = self._world or _world()
        mine = self._share(rank * count + number, world_size * count)
        make = self.transform or detection_target
        items = (make(sample) for sample in mine)
        if not self.shuffle_buffer:
            return items
        chance = random.Random(f"{self.seed} {self.epoch} {rank} {number}")  # noqa: S311 - repeatable
        return _shuffled(items, self.shuffle_buffer, chance)

    def _share(self, shard: int, num_shards: int) -> Dataset:
        """The records of one worker, in the order of decoding: file by file, frame by frame."""
        places = self.dataset.places()
        media, starts, sizes = np.unique(places["media"], return_index=True, return_counts=True)
        del starts
        owners = _dealt(sizes, num_shards)
        mine = media[owners == shard]
        if self.shuffle_buffer:
            random.Random(f"{self.seed} {self.epoch} {shard}").shuffle(mine)  # noqa: S311 - as above
        turn = {int(one): place for place, one in enumerate(mine)}
        kept = np.isin(places["media"], mine)
        numbers, slots = places["number"][kept], places["slot"][kept]
        turns = np.array([turn[int(one)] for one in places["media"][kept]], np.int64)
        order = np.lexsort((numbers, slots, turns))
        return self.dataset.in_decoding_order(numbers[order])

    def __getstate__(self) -> dict[str, Any]:
        # A worker that is spawned knows nothing of the process group.
        return {**self.__dict__, "_world": self._world or _world()}


def _world() -> tuple[int, int]:
    """Rank and number of ranks: of the process group, or as torchrun's environment says."""
    group = torch.distributed
    if group.is_available() and group.is_initialized():
        return group.get_rank(), group.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def _dealt(sizes: npt.NDArray[np.int64], num_shards: int) -> npt.NDArray[np.int64]:
    """Which shard gets each file: the largest first, to the one that has least so far."""
    owners = np.zeros(len(sizes), np.int64)
    loads = np.zeros(num_shards, np.int64)
    for place in np.argsort(-sizes, kind="stable"):
        owners[place] = loads.argmin()
        loads[owners[place]] += sizes[place]
    return owners


def _shuffled(items: Iterator[Any], size: int, chance: random.Random) -> Iterator[Any]:
    """Each item in place of one that was drawn from the buffer."""
    buffer: list[Any] = []
    for item in items:
        if len(buffer) < size:
            buffer.append(item)
            continue
        drawn = chance.randrange(size)
        yield buffer[drawn]
        buffer[drawn] = item
    chance.shuffle(buffer)
    yield from buffer
