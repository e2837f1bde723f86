"""PyTorch datasets: map-style, and iterable with each video decoded once.

    dataset = Dataset.open("tags.jsonl", media_root="media", per="frame")
    loader = DataLoader(dataset.to_pytorch(), batch_size=4, collate_fn=collate, num_workers=2)
    for images, targets in loader: ...

Without a transform an item is a pair as torchvision's detection models and its reference training
loop take it: the picture as uint8, or with `pixels="float32"` as the 0..1 that these models want,
shape (3, H, W), and a dict of

- `boxes`: float32, N x 4, pixels, within the picture and with an area: edges outside are clamped,
  boxes without area are left out; `counts()` says how many;
- `labels`: int64, from 1 on;
- `image_id`: an int, the place of the record in the whole dataset; `record_id(image_id)` is the id
  that its source has for it;
- `area`: float32, in pixels: the annotation's attribute `area` (as COCO has it), or the box's;
- `iscrowd`: int64, the annotation's attribute `iscrowd`, or 0.

With clips an item is the frames of a clip as uint8, shape (T, 3, H, W), and a dict of `labels`
(int64, each once), `video_id` (as `image_id`), `start_seconds` and `end_seconds`.

A transform gets a `Sample`, which can be used as a dict of arrays, or a `Clip`, and what it returns
is the item. Workers that are spawned need one that can be pickled: a function of a module.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.data.torch_items import Detection, clip_target, collate, counts_of
from common_ml.errors import MissingExtraError

try:
    import torch
    import torch.distributed
    import torch.utils.data
except ImportError as missing:
    raise MissingExtraError("torch", extra="torch") from missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from common_ml.data.clips import Clip, Clips
    from common_ml.data.sample import Sample
    from common_ml.data.samples import Samples

    Transform = Callable[[Sample], Any]
    ClipTransform = Callable[[Clip], Any]

__all__ = [
    "ClipStream",
    "TaggedClips",
    "TaggedPictures",
    "TaggedStream",
    "collate",
    "iterable",
    "iterable_clips",
    "map_style",
    "map_style_clips",
]


def map_style(
    dataset: Samples, transform: Transform | None, *, pixels: str = "uint8"
) -> TaggedPictures:
    """Return a map-style dataset of samples, for shuffling over the whole dataset."""
    dataset.prepare_random_access()
    return TaggedPictures(dataset, transform or Detection(pixels))


def iterable(
    dataset: Samples,
    transform: Transform | None,
    *,
    shuffle_buffer: int,
    seed: int,
    pixels: str = "uint8",
) -> TaggedStream:
    """Return an iterable dataset of samples, sharded over workers and ranks.

    Raises:
        ValueError: the buffer size is negative.
    """
    _check_buffer(shuffle_buffer)
    dataset.prepare_random_access()
    make = transform or Detection(pixels)
    return TaggedStream(dataset, make, shuffle_buffer=shuffle_buffer, seed=seed)


def map_style_clips(clips: Clips, transform: ClipTransform | None) -> TaggedClips:
    """Return a map-style dataset of clips, for shuffling over all videos; probes each once."""
    clips.prepare()
    return TaggedClips(clips, transform)


def iterable_clips(
    clips: Clips, transform: ClipTransform | None, *, shuffle_buffer: int, seed: int
) -> ClipStream:
    """Return an iterable dataset of clips; each video is decoded once by one worker of one rank.

    Raises:
        ValueError: the buffer size is negative.
    """
    _check_buffer(shuffle_buffer)
    return ClipStream(clips, transform, shuffle_buffer=shuffle_buffer, seed=seed)


def _check_buffer(size: int) -> None:
    if size < 0:
        raise ValueError(f"shuffle_buffer must be >= 0, got {size}")


class TaggedPictures(torch.utils.data.Dataset):
    """Map-style dataset of samples."""

    def __init__(self, dataset: Samples, transform: Transform) -> None:
        self.dataset = dataset
        self.transform = transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, place: int) -> Any:
        return self.transform(self.dataset[int(place)])

    def __getitems__(self, places: Sequence[int]) -> list[Any]:
        """Return the items of a batch; frames of one video are decoded in one pass."""
        items: list[Any] = [None] * len(places)
        for position, sample in self.dataset.together([int(place) for place in places]):
            items[position] = self.transform(sample)
        return items

    def record_id(self, image_id: int) -> str:
        """Return the id of a record in its source, by the `image_id` of its target."""
        return self.dataset.record_id(int(image_id))

    def get_height_and_width(self, place: int) -> tuple[int, int]:
        """Return the size of a picture, for torchvision's sampler that groups by aspect ratio."""
        width, height = self.dataset[int(place)].size
        return height, width

    def counts(self) -> dict[str, int]:
        """Return how many boxes the default transform `clamped` and `dropped`, in all workers."""
        return counts_of(self.transform)


class TaggedClips(torch.utils.data.Dataset):
    """Map-style dataset of clips."""

    def __init__(self, clips: Clips, transform: ClipTransform | None) -> None:
        self.clips = clips
        self.transform = transform

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, place: int) -> Any:
        return (self.transform or clip_target)(self.clips[int(place)])

    def record_id(self, video_id: int) -> str:
        """Return the id of a video in its source, by the `video_id` of its target."""
        return self.clips.samples.record_id(int(video_id))


class _Stream(torch.utils.data.IterableDataset):
    """Iterable dataset; each file belongs to one worker of one rank.

    `set_epoch` gives another order, and other files to each worker and rank; workers that persist
    see it too. Ranks may get different numbers of items, as videos have: with
    DistributedDataParallel use its `join`.
    """

    def __init__(self, dataset: Samples, *, shuffle_buffer: int, seed: int) -> None:
        self.dataset = dataset
        self.shuffle_buffer = shuffle_buffer
        """Number of items in the shuffle buffer; 0: no shuffling."""
        self.seed = seed
        # In shared memory: workers that persist from epoch to epoch read it there.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()
        self._world: tuple[int, int] | None = None  # rank of the process that sent it to a worker

    @property
    def epoch(self) -> int:
        """The epoch that the next pass belongs to."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose another order; call it before each pass, in every rank alike."""
        self._epoch[0] = epoch

    def record_id(self, image_id: int) -> str:
        """Return the id of a record in its source, by the `image_id` of its target."""
        return self.dataset.record_id(int(image_id))

    def __iter__(self) -> Iterator[Any]:
        worker = torch.utils.data.get_worker_info()
        number, count = (0, 1) if worker is None else (worker.id, worker.num_workers)
        rank, world_size = self._world or _world()
        items = self._items(self._share(rank * count + number, world_size * count))
        if not self.shuffle_buffer:
            return items
        return _shuffled(items, self.shuffle_buffer, self._chance("draw", rank, number))

    def _items(self, numbers: npt.NDArray[np.int64]) -> Iterator[Any]:
        """Yield the items of records, in this order."""
        raise NotImplementedError

    def _share(self, shard: int, num_shards: int) -> npt.NDArray[np.int64]:
        """Return the records of one worker, in the order of decoding: by file, then frame."""
        places = self.dataset.places()
        media, starts, sizes = np.unique(places["media"], return_index=True, return_counts=True)
        del starts
        if self.shuffle_buffer:  # the same in all shards, so that each file is in one of them
            order = list(range(len(media)))
            self._chance("files").shuffle(order)
            media, sizes = media[order], sizes[order]
            shards = list(range(num_shards))
            self._chance("shards").shuffle(shards)
            shard = shards[shard]
        mine = media[_dealt(sizes, num_shards) == shard]
        turn = {int(one): place for place, one in enumerate(mine)}
        kept = np.isin(places["media"], mine)
        numbers, slots = places["number"][kept], places["slot"][kept]
        turns = np.array([turn[int(one)] for one in places["media"][kept]], np.int64)
        ordered: npt.NDArray[np.int64] = numbers[np.lexsort((numbers, slots, turns))]
        return ordered

    def _chance(self, *purpose: object) -> random.Random:
        name = " ".join(map(str, (self.seed, self.epoch, *purpose)))
        return random.Random(name)  # noqa: S311 - repeatable

    def __getstate__(self) -> dict[str, Any]:
        # A spawned worker has no process group.
        return {**self.__dict__, "_world": self._world or _world()}


class TaggedStream(_Stream):
    """Iterable dataset of samples: see `_Stream`."""

    def __init__(
        self, dataset: Samples, transform: Transform, *, shuffle_buffer: int, seed: int
    ) -> None:
        super().__init__(dataset, shuffle_buffer=shuffle_buffer, seed=seed)
        self.transform = transform

    def counts(self) -> dict[str, int]:
        """Return how many boxes the default transform `clamped` and `dropped`, in all workers."""
        return counts_of(self.transform)

    def _items(self, numbers: npt.NDArray[np.int64]) -> Iterator[Any]:
        return map(self.transform, self.dataset.in_decoding_order(numbers))


class ClipStream(_Stream):
    """Iterable dataset of clips: see `_Stream`."""

    def __init__(
        self, clips: Clips, transform: ClipTransform | None, *, shuffle_buffer: int, seed: int
    ) -> None:
        super().__init__(clips.samples, shuffle_buffer=shuffle_buffer, seed=seed)
        self.clips = clips
        self.transform = transform

    def _items(self, numbers: npt.NDArray[np.int64]) -> Iterator[Any]:
        return map(self.transform or clip_target, self.clips.share(numbers))


def _world() -> tuple[int, int]:
    """Return rank and world size, from the process group or torchrun's environment."""
    group = torch.distributed
    if group.is_available() and group.is_initialized():
        return group.get_rank(), group.get_world_size()
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def _dealt(sizes: npt.NDArray[np.int64], num_shards: int) -> npt.NDArray[np.int64]:
    """Assign files to shards: the largest first, to the shard with the least so far."""
    owners = np.zeros(len(sizes), np.int64)
    loads = np.zeros(num_shards, np.int64)
    for place in np.argsort(-sizes, kind="stable"):
        owners[place] = loads.argmin()
        loads[owners[place]] += sizes[place]
    return owners


def _shuffled(items: Iterator[Any], size: int, chance: random.Random) -> Iterator[Any]:
    """Shuffle with a buffer: each item replaces one drawn at random."""
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
