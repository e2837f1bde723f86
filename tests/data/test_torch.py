"""Datasets in the real PyTorch: loaders, workers, ranks, and a head that learns."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data.dataset import Dataset
from common_ml.data.record import Record
from tests.data.made import film, tag, write_picture, write_tags

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.data.sample import Sample

torch: Any = pytest.importorskip("torch", reason="torch is large; .ci/run has a step for it")
DataLoader: Any = torch.utils.data.DataLoader

MEDIA = ("a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mp4")
PER_VIDEO = 8


def where(sample: Sample) -> tuple[str, int, float, int]:
    """File, frame, mean of the pixels, and the process that has decoded it."""
    frame = sample.record.frame_index
    assert frame is not None
    return sample.record.media, frame, float(sample.image.mean()), os.getpid()


def as_it_is(item: Any) -> Any:
    return item


def first_of(items: list[Any]) -> Any:
    return items[0]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("film")
    return Dataset.open(film(folder, media=MEDIA), media_root=folder, per="frame")


@pytest.fixture(scope="module")
def truth(dataset: Dataset) -> dict[tuple[str, int], float]:
    """Frame -> mean of its pixels."""
    return {item[:2]: item[2] for item in map(where, dataset)}


def test_an_item_is_what_detectors_of_torchvision_take(dataset: Dataset) -> None:
    image, target = dataset.to_pytorch()[1]

    assert isinstance(dataset.to_pytorch(), torch.utils.data.Dataset)
    assert (image.dtype, tuple(image.shape)) == (torch.uint8, (3, 48, 64))
    assert np.array_equal(image.numpy().transpose(1, 2, 0), dataset[1].image)
    assert target["boxes"].tolist() == [[16, 12, 32, 36], [16, 12, 64, 36]]
    assert target["boxes"].dtype == torch.float32
    assert target["labels"].tolist() == [1, 2]
    assert target["labels"].dtype == torch.int64
    assert target["area"].tolist() == [16 * 24, 48 * 24]
    assert target["iscrowd"].tolist() == [0, 0]
    assert target["image_id"].item() == 1
    assert dataset.slice("labels.stop_sign = 1").to_pytorch()[0][1]["image_id"].item() == 1


def test_a_picture_without_boxes_has_empty_tensors(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    image, target = Dataset.from_records([Record("a.png")], media_root=tmp_path).to_pytorch()[0]

    assert tuple(target["boxes"].shape) == (0, 4)
    assert tuple(target["labels"].shape) == (0,)
    assert image.shape[0] == 3


def test_a_transform_written_for_diffgram_works(dataset: Dataset) -> None:
    def transform(sample: Any) -> Any:
        edges = zip(
            sample["x_min_list"],
            sample["y_min_list"],
            sample["x_max_list"],
            sample["y_max_list"],
            strict=True,
        )
        boxes = torch.as_tensor(list(edges), dtype=torch.float32)
        return sample["image"], {"boxes": boxes, "labels": torch.tensor(sample["label_id_list"])}

    image, target = dataset.to_pytorch(transform)[1]

    assert image.shape == (48, 64, 3)
    assert target["boxes"].tolist() == [[16, 12, 32, 36], [16, 12, 64, 36]]
    assert target["labels"].tolist() == [1, 2]


@pytest.mark.parametrize("context", [None, "fork", "spawn"])
def test_workers_load_every_sample_once(
    dataset: Dataset, truth: dict[tuple[str, int], float], context: str | None
) -> None:
    workers = 0 if context is None else 2
    _ = dataset[0].image  # what a fork inherits, open decoders included, must do no harm
    loader = DataLoader(
        dataset.to_pytorch(where),
        batch_size=1,
        shuffle=True,
        collate_fn=first_of,
        num_workers=workers,
        multiprocessing_context=context,
    )

    items = list(loader)

    assert {item[:2]: item[2] for item in items} == truth
    assert len(items) == len(truth) == len(MEDIA) * PER_VIDEO
    assert len({item[3] for item in items}) == max(workers, 1)
    assert (os.getpid() in {item[3] for item in items}) == (workers == 0)


@pytest.mark.parametrize("context", [None, "fork", "spawn"])
def test_a_stream_gives_each_video_to_one_worker_in_order(
    dataset: Dataset, truth: dict[tuple[str, int], float], context: str | None
) -> None:
    workers = 0 if context is None else 2
    loader = DataLoader(
        dataset.to_pytorch_iterable(where),
        batch_size=None,
        collate_fn=as_it_is,
        num_workers=workers,
        multiprocessing_context=context,
    )

    items = list(loader)

    assert {item[:2]: item[2] for item in items} == truth
    assert len(items) == len(truth)
    for media in MEDIA:
        mine = [item for item in items if item[0] == media]
        assert [item[1] for item in mine] == sorted(item[1] for item in mine)
        assert len({item[3] for item in mine}) == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_ranks_have_nothing_in_common_and_miss_nothing(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    """Ranks as torchrun sets them; three ranks of two workers are more than there are videos."""
    monkeypatch.setenv("WORLD_SIZE", "3")
    seen: Counter[tuple[str, int]] = Counter()
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        stream = dataset.to_pytorch_iterable(where, shuffle_buffer=4)
        loader = DataLoader(stream, batch_size=None, collate_fn=as_it_is, num_workers=workers)
        items = [item[:2] for item in loader]
        assert len(items) <= 2 * PER_VIDEO
        seen.update(items)

    assert set(seen.values()) == {1}
    assert len(seen) == len(MEDIA) * PER_VIDEO


def test_a_process_group_tells_ranks_apart_too(dataset: Dataset, tmp_path: Path) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1
    )
    try:
        items = [item[:2] for item in dataset.to_pytorch_iterable(where)]
    finally:
        torch.distributed.destroy_process_group()

    assert len(items) == len(MEDIA) * PER_VIDEO


def test_a_shuffled_stream_is_another_one_in_each_epoch_and_for_each_seed(
    dataset: Dataset,
) -> None:
    stream = dataset.to_pytorch_iterable(where, shuffle_buffer=10, seed=1)
    first = [item[:2] for item in stream]
    again = [item[:2] for item in stream]
    stream.set_epoch(1)
    second = [item[:2] for item in stream]
    other = [item[:2] for item in dataset.to_pytorch_iterable(where, shuffle_buffer=10, seed=2)]

    assert first == again
    assert sorted(first) == sorted(second) == sorted(other)
    assert first not in (second, other, sorted(first))
    with pytest.raises(ValueError, match="shuffle_buffer must be >= 0"):
        dataset.to_pytorch_iterable(shuffle_buffer=-1)


def test_a_stream_decodes_each_video_once(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from common_ml.media import decode

    begun: list[str] = []
    original = decode.frames

    def frames(path: Path, indices: list[int], **options: Any) -> Any:
        begun.append(path.name)
        return original(path, indices, **options)

    monkeypatch.setattr(decode, "frames", frames)

    assert len(list(dataset.to_pytorch_iterable(where, shuffle_buffer=5))) == 40
    assert sorted(begun) == list(MEDIA)


def test_frames_that_were_tagged_out_of_order_are_decoded_in_order(tmp_path: Path) -> None:
    path = film(tmp_path, media=("a.mp4", "b.mp4"))
    write_tags(path, [tag("late", "a.mp4", 1), tag("late", "b.mp4", 2), tag("late", "a.mp4", 20)])
    dataset = Dataset.open(path, media_root=tmp_path, per="frame")

    items = [item[:2] for item in dataset.to_pytorch_iterable(where)]

    assert items == sorted(items)
    assert len(items) == 19
