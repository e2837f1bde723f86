"""What it costs to read single records of a large dataset, in random order.

    python -m tests.benchmarks.random_access

Two sets: a tags file of a million pictures, one tag each; and 59,000 pictures with 7.3 annotations
each, with boxes and polygons, as COCO has them. Nothing is read of the pictures themselves. It also
runs with an older version of the package before it in PYTHONPATH.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.data.dataset import Dataset
from common_ml.data.record import Annotation, Box, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE = (
    '{"type":"tag","data":{"start_time":0,"end_time":0,"tag":"label %d",'
    '"source_media":"media/%07d.jpg","track":"","additional_info":{"confidence":0.5},'
    '"frame_info":{"frame_idx":0,"box":{"x1":0.1,"y1":0.2,"x2":0.5,"y2":0.7}}}}\n'
)


def tags(path: Path, count: int) -> Dataset:
    """A tags file, one tag a picture."""
    with path.open("w") as file:
        file.writelines(LINE % (number % 80, number) for number in range(count))
    return Dataset.open(path)


def pictures(count: int) -> Iterator[Record]:
    """Records with 6 to 9 annotations, each a box and a polygon of 20 to 60 corners."""
    chance = random.Random(1)
    for number in range(count):
        annotations = []
        for _ in range(6 + number % 4):
            x, y = chance.random() / 2, chance.random() / 2
            corners = [
                (x + chance.random() / 2, y + chance.random() / 2)
                for _ in range(chance.randrange(20, 60))
            ]
            box = Box(x, y, x + 0.5, y + 0.5)
            annotations.append(
                Annotation(
                    f"label {chance.randrange(80)}",
                    box=box,
                    polygon=tuple(corners),
                    attributes={"area": 1000.5, "category": {"id": 3, "supercategory": "thing"}},
                )
            )
        yield Record(
            f"{number:012}.jpg", kind="image", width=640, height=480, annotations=tuple(annotations)
        )


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measure(name: str, dataset: Dataset, reads: int) -> None:
    """Print what preparing and reading cost."""
    prepare = getattr(dataset, "prepare_random_access", lambda: None)
    wall, cpu = time.perf_counter(), time.process_time()
    prepare()
    say(
        f"{name}: prepared in {time.perf_counter() - wall:.1f} s, "
        f"{time.process_time() - cpu:.1f} s of CPU"
    )
    places = random.Random(2).sample(range(len(dataset)), reads)
    dataset[places[0]].record  # noqa: B018 - opens files and loads modules
    wall, cpu = time.perf_counter(), time.process_time()
    found = sum(len(dataset[place].record.annotations) for place in places)
    say(
        f"{name}: {1000 * (time.process_time() - cpu) / reads:.2f} ms of CPU an item, "
        f"{1000 * (time.perf_counter() - wall) / reads:.2f} ms on the clock ({found} annotations)"
    )


def main() -> None:
    """Measure both sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tags", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=59_000)
    parser.add_argument("--reads", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dataset = tags(Path(folder) / "tags.jsonl", options.tags)
        measure(f"{options.tags:,} tags", dataset, options.reads)
    dataset = Dataset.from_records(pictures(options.pictures))
    measure(f"{options.pictures:,} pictures", dataset, options.reads)


if __name__ == "__main__":
    main()
