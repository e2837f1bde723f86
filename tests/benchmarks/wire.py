"""What a line costs: our message, its checks and its write, beside json, asdict and a flush.

    python tests/benchmarks/wire.py

Both sides take turns, round by round, so that a busy machine slows down both; medians of rounds.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

NUM_ROUNDS = 41
ROUND_SECONDS = 0.02  # of each side, long against the clock and short against a change of load
BOX = {"x1": 0.1234, "y1": 0.25, "x2": 0.5678, "y2": 0.75}
INFO = {"confidence": 0.98765}
FLOATS = np.random.default_rng(1).normal(size=768)
PYTHON_FLOATS = FLOATS.tolist()
NUMPY_FLOATS = FLOATS.astype(np.float32)


class Case(NamedTuple):
    """One kind of tag."""

    name: str
    make: Callable[[], Tag]
    """Makes the tag, checks included, from what a model holds anyway."""
    aim: int
    """How many times cheaper it has to be."""


def frame_tag() -> Tag:
    info = FrameInfo(1234, BOX)
    return Tag(41_133, 41_133, "hello", "media/part_0001.mp4", "ocr", INFO, info)


def frame_tag_without_box() -> Tag:
    return Tag(41_133, 41_133, "hello", "media/part_0001.mp4", "ocr", INFO, FrameInfo(1234))


def run() -> Tag:
    return Tag(41_133, 42_000, "hello", "media/part_0001.mp4", "ocr")


def vector_of_python_floats() -> Tag:
    return Tag(1, 1, "hello", "media/part_0001.mp4", vector=PYTHON_FLOATS)


def vector_of_numpy_floats() -> Tag:
    return Tag(1, 1, "hello", "media/part_0001.mp4", vector=NUMPY_FLOATS)


CASES = (
    Case("frame tag with box", frame_tag, 5),
    Case("frame tag without box", frame_tag_without_box, 5),
    Case("run", run, 5),
    Case("vector, 768 python floats", vector_of_python_floats, 15),
    Case("vector, 768 float32 of numpy", vector_of_numpy_floats, 15),
)


def seconds_per_call(call: Callable[[], Any], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def measure(case: Case, folder: Path) -> tuple[float, float, float]:
    """Returns the medians in seconds: json's, ours with the making of the tag, ours without."""
    make = case.make
    tag = make()
    with (folder / "json").open("a", encoding="utf-8") as text_file, Writer(folder / "our") as out:

        def baseline() -> None:
            data = dataclasses.asdict(tag)
            text_file.write(json.dumps({"type": "tag", "data": data}) + "\n")
            text_file.flush()

        def ours() -> None:
            out.write(make())

        def ours_without_making() -> None:
            out.write(tag)

        sides = (baseline, ours, ours_without_making)
        repeats = [max(int(ROUND_SECONDS / seconds_per_call(side, 50)), 10) for side in sides]
        rounds = []
        for _ in range(NUM_ROUNDS):
            for path in folder.iterdir():
                os.truncate(path, 0)  # hundreds of megabytes would measure the disk
            rounds.append(
                [seconds_per_call(side, count) for side, count in zip(sides, repeats, strict=True)]
            )
    json_side, our_side, our_write = (statistics.median(side) for side in zip(*rounds, strict=True))
    return json_side, our_side, our_write


def main() -> None:
    gc.disable()
    print(f"python {sys.version.split()[0]}; microseconds per line, medians of {NUM_ROUNDS} rounds")
    print(f"{'':30}{'json':>9}{'ours':>9}{'ratio':>7}{'aim':>5}{'  write only':>13}{'ratio':>7}")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            json_side, ours, write = measure(case, Path(folder))
        figures = f"{json_side * 1e6:9.2f}{ours * 1e6:9.2f}{json_side / ours:7.1f}{case.aim:5}"
        print(f"{case.name:30}{figures}{write * 1e6:13.2f}{json_side / write:7.1f}")


if __name__ == "__main__":
    main()
