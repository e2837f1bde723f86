"""Streams of samples and clips: epochs, workers that persist, two real ranks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from common_ml.data.dataset import Dataset
from common_ml.media import decode
from tests.data.made import film

if TYPE_CHECKING:
    from common_ml.data.clips import Clip
    from common_ml.data.sample import Sample

torch: Any = pytest.importorskip("torch", reason="torch is large; .ci/run has a step for it")
DataLoader: Any = torch.utils.data.DataLoader

MEDIA = ("a.mp4", "b.mp4", "c.mp4", "d.mp4")


def which(sample: Sample) -> tuple[str, int, int]:
    """File, frame, and process; nothing is decoded."""
    assert sample.record.frame_index is not None
    return sample.record.media, sample.record.frame_index, os.getpid()


def as_it_is(item: Any) -> Any:
    return item


def which_clip(clip: Clip) -> tuple[str, float, int]:
    return clip.record.media, clip.start_seconds, os.getpid()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("film")
    film(made, media=MEDIA)
    return made


@pytest.fixture(scope="module")
def frames(folder: Path) -> Dataset:
    return Dataset.open(folder / "tags.jsonl", media_root=folder, per="frame")


@pytest.fixture(scope="module")
def videos(folder: Path) -> Dataset:
    return Dataset.open(folder / "tags.jsonl", media_root=folder)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_that_persist_see_the_epoch_and_get_other_files(
    frames: Dataset, context: str
) -> None:
    stream = frames.to_pytorch_iterable(which, shuffle_buffer=4)
    loader = DataLoader(
        stream,
        batch_size=None,
        collate_fn=as_it_is,
        num_workers=2,
        persistent_workers=True,
        multiprocessing_context=context,
    )
    orders, owners = [], []
    for epoch in (0, 0, 1, 2, 3, 4, 5):
        stream.set_epoch(epoch)
        items = list(loader)
        assert len({item[:2] for item in items}) == len(items) == 32
        orders.append([item[:2] for item in items])
        owners.append({(item[0], item[2]) for item in items})

    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) == 6
    assert any(owner != owners[0] for owner in owners)


def test_clips_are_the_frames_of_the_video_with_the_tags_of_their_time(
    videos: Dataset, folder: Path
) -> None:
    """24 frames at 25 a second, cut into 0.32 s: three clips of 8 frames."""
    clips = list(videos.clips(0.32))

    assert [clip.start_seconds for clip in clips] == [0, 0.32, 0.64] * 4
    assert {clip.frames.shape for clip in clips} == {(8, 48, 64, 3)}
    with decode.frames(folder / "b.mp4", range(24)) as all_frames:
        expected = np.stack([frame.rgb for frame in all_frames])
    assert np.array_equal(np.concatenate([clip.frames for clip in clips[3:6]]), expected)
    assert np.allclose(np.concatenate([clip.times for clip in clips[3:6]]), np.arange(24) / 25)
    # car in frames 0, 3, 6, ...; stop sign in 3, 9, 15, 21
    assert [len(clip.annotations) for clip in clips[:3]] == [4, 5, 3]
    assert clips[0].label_names == ["car", "stop sign"]
    assert clips[0].labels.tolist() == [1, 2]


def test_clips_at_a_rate_have_equally_many_frames(videos: Dataset) -> None:
    clips = videos.clips(0.48, fps=12.5, max_size=32)

    assert len(clips) == 8
    assert {clip.frames.shape for clip in clips} == {(6, 24, 32, 3)}
    assert np.allclose(clips[1].times, 0.48 + np.arange(6) * 0.08)
    assert np.array_equal(clips[-1].frames, list(clips)[-1].frames)
    assert len(videos.clips(0.24, fps=50)[1].times) == 12  # more than there are: repeated
    with pytest.raises(IndexError, match="must be below 8"):
        clips[8]
    with pytest.raises(ValueError, match="seconds of clips must be > 0, got 0"):
        videos.clips(0)


def test_videos_shorter_than_a_clip_have_none_which_is_logged(
    videos: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(videos.clips(1.5)) == 0
    assert "a.mp4 has no clips: it is shorter than 1.5 s" in caplog.text


def test_streams_of_clips_decode_each_video_once(
    videos: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    original = decode.frames

    def counted(path: Path, indices: list[int], **options: Any) -> Any:
        begun.append(path.name)
        return original(path, indices, **options)

    monkeypatch.setattr(decode, "frames", counted)
    stream = videos.to_pytorch_iterable(clip_seconds=0.32, shuffle_buffer=3)
    items = list(stream)

    assert sorted(begun) == list(MEDIA)
    assert Counter(int(target["video_id"]) for _, target in items) == dict.fromkeys(range(4), 3)
    frames, target = items[0]
    assert (frames.dtype, tuple(frames.shape)) == (torch.uint8, (8, 3, 48, 64))
    assert target["labels"].tolist() == [1, 2]
    assert stream.record_id(target["video_id"]) in MEDIA


def test_clips_by_place_are_shared_by_workers(videos: Dataset) -> None:
    items = videos.to_pytorch(which_clip, clip_seconds=0.32)
    loader = DataLoader(items, batch_size=None, collate_fn=as_it_is, shuffle=True, num_workers=2)

    found = [item[:2] for item in loader]

    assert sorted(found) == [(media, start) for media in MEDIA for start in (0, 0.32, 0.64)]


RANK = """
import sys
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler
from common_ml.data.dataset import Dataset

def which(sample):
    return sample.record.media, sample.record.frame_index, float(sample.image.mean())

def as_it_is(item):
    return item

if __name__ == "__main__":
    rank, folder = int(sys.argv[1]), sys.argv[2]
    meeting = f"file://{folder}/{sys.argv[3]}"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    dataset = Dataset.open(f"{folder}/tags.jsonl", media_root=folder, per="frame")
    stream = dataset.to_pytorch_iterable(which, shuffle_buffer=4)
    parts = []
    for epoch in (0, 1):
        stream.set_epoch(epoch)
        loader = DataLoader(stream, batch_size=None, collate_fn=as_it_is, num_workers=1,
                            multiprocessing_context="spawn")
        parts.append(list(loader))
    items = dataset.to_pytorch(which)
    sampler = DistributedSampler(items)
    parts.append(list(DataLoader(items, batch_size=None, collate_fn=as_it_is, sampler=sampler)))
    gathered = [None, None]
    dist.all_gather_object(gathered, parts)
    dist.destroy_process_group()
    if rank == 0:
        print(repr(gathered))
"""


def test_two_processes_share_a_dataset_without_overlap_and_without_loss(
    frames: Dataset, folder: Path, tmp_path: Path
) -> None:
    """A real process group (gloo), with a spawned worker in each rank."""
    script = tmp_path / "rank.py"
    script.write_text(RANK)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ranks = [
        subprocess.Popen(
            [sys.executable, str(script), str(rank), str(folder), f"meeting-{os.getpid()}"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in range(2)
    ]
    outputs = [rank.communicate()[0] for rank in ranks]

    assert [rank.returncode for rank in ranks] == [0, 0]
    first, second = eval(outputs[0].splitlines()[-1])  # noqa: S307 - what repr wrote
    everything = {(one.record.media, one.record.frame_index, one.image.mean()) for one in frames}
    for mine, other in zip(first, second, strict=True):
        assert set(mine) | set(other) == everything
        assert not set(mine) & set(other)
        assert len(mine) == len(other) == len(everything) / 2
    assert first[0] != first[1]
