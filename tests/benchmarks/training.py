"""What a training loop gets: items a second, beside a Dataset written by hand over the same media.

    python -m tests.benchmarks.training          # needs torch

The pictures are made: JPEG of 640 x 480, 7 boxes each; the video 640 x 360, every fifth of its
frames tagged. By hand means what tutorials show: pictures by Pillow, with the boxes in a list in
memory; frames of a video by PyAV, all decoded, those without tags thrown away. Candidates take
turns; figures are medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset

from common_ml.data.dataset import Dataset as Tagged
from common_ml.data.record import Annotation, Box, Record
from common_ml.data.torch import collate
from tests.media import recipes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NUM_BOXES = 7
EVERY = 5


def records_of(folder: Path, count: int) -> list[Record]:
    """Pictures on disk, and what is in them."""
    chance = np.random.default_rng(1)
    records = []
    for number in range(count):
        coarse = chance.integers(0, 256, (30, 40, 3), np.uint8)
        Image.fromarray(coarse).resize((640, 480)).save(folder / f"{number}.jpg", quality=90)
        places = chance.random((NUM_BOXES, 2)) / 2
        boxes = [Box(x, y, x + 0.25, y + 0.25) for x, y in places.tolist()]
        annotations = tuple(Annotation(f"label {n}", box=box) for n, box in enumerate(boxes))
        records.append(
            Record(f"{number}.jpg", kind="image", width=640, height=480, annotations=annotations)
        )
    return records


class PicturesByHand(Dataset):  # type: ignore[misc] # torch is not in the checked environment
    """As tutorials show it."""

    def __init__(self, folder: Path, records: list[Record]) -> None:
        self.paths = [folder / one.media for one in records]
        self.boxes = [
            [
                [one.box.x1, one.box.y1, one.box.x2, one.box.y2]
                for one in record.annotations
                if one.box
            ]
            for record in records
        ]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> Any:
        with Image.open(self.paths[place]) as opened:
            picture = np.asarray(opened.convert("RGB"))
        height, width, _ = picture.shape
        boxes = torch.tensor(self.boxes[place]) * torch.tensor([width, height, width, height])
        sizes = boxes[:, 2:] - boxes[:, :2]
        target = {
            "boxes": boxes,
            "labels": torch.arange(1, len(boxes) + 1),
            "image_id": place,
            "area": sizes.prod(1),
            "iscrowd": torch.zeros(len(boxes), dtype=torch.int64),
        }
        return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))), target


class FramesByHand(IterableDataset):  # type: ignore[misc] # as above
    """A video decoded from end to end."""

    def __init__(self, path: Path, wanted: set[int]) -> None:
        self.path = path
        self.wanted = wanted

    def __iter__(self) -> Iterator[Any]:
        with av.open(str(self.path)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number in self.wanted:
                    rgb = frame.to_ndarray(format="rgb24").transpose(2, 0, 1)
                    yield torch.from_numpy(np.ascontiguousarray(rgb)), {"image_id": number}


def rate(arguments: tuple[Any, ...], workers: int) -> float:
    """Items a second of one pass, without the start of the workers' first item."""
    loader = DataLoader(
        *arguments, num_workers=workers, collate_fn=collate, persistent_workers=workers > 0
    )
    for _ in loader:  # opens files, starts workers
        break
    started, count = time.perf_counter(), 0
    for images, _ in loader:
        count += len(images)
    return count / (time.perf_counter() - started)


def compare(name: str, candidates: dict[str, Callable[[], float]], rounds: int) -> None:
    """Print the medians of candidates that take turns."""
    found: dict[str, list[float]] = {one: [] for one in candidates}
    for _ in range(rounds):
        for one, measure in candidates.items():
            found[one].append(measure())
    medians = {one: statistics.median(rates) for one, rates in found.items()}
    listed = ", ".join(f"{one} {value:.0f}" for one, value in medians.items())
    ours, by_hand = medians["common_ml"], medians["by hand"]
    sys.stdout.write(f"{name}: items a second: {listed}; ratio {ours / by_hand:.2f}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure pictures, with and without workers, and frames of a video."""
    parser = argparse.ArgumentParser(description="Items a second of training data.")
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--frames", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        records = records_of(folder, options.pictures)
        ours = Tagged.from_records(records, media_root=folder).to_pytorch()
        by_hand = PicturesByHand(folder, records)
        for workers in (0, 2):
            compare(
                f"{options.pictures} pictures, shuffled, {workers} workers",
                {
                    "common_ml": partial(rate, (ours, 8, True), workers),
                    "by hand": partial(rate, (by_hand, 8, True), workers),
                },
                options.rounds,
            )
        path = folder / "film.mp4"
        video = recipes.Video(
            rate=Fraction(25), num_frames=options.frames, width=640, height=360, options={"g": "48"}
        )
        recipes.write(path, video)
        wanted = range(0, options.frames, EVERY)
        frames = [
            Record("film.mp4", kind="video", frame_index=number, annotations=(Annotation("x"),))
            for number in wanted
        ]
        stream = Tagged.from_records(frames, media_root=folder, per="frame").to_pytorch_iterable()
        film = FramesByHand(path, set(wanted))
        compare(
            f"every {EVERY}th of {options.frames} frames, in order",
            {
                "common_ml": partial(rate, (stream, 8), 0),
                "by hand": partial(rate, (film, 8), 0),
            },
            options.rounds,
        )


if __name__ == "__main__":
    main()
