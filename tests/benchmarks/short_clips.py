"""Many short clips, one frame a second: a tagger's usual work, where opening counts.

    python -m tests.benchmarks.short_clips --clips /tmp/decode-clips --rounds 3

Two hundred files of 1 to 3 seconds, 1280x720. Every measurement is a process of its own, the
readers take turns, and CPU seconds are those of all threads together.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import clips_film
from tests.benchmarks.decode_peers import READERS

REPOSITORY = Path(__file__).resolve().parents[2]
COUNT = 200
PEERS = ("decord", "OpenCV", "torchcodec", "PyAV")


def main() -> None:
    options = _options()
    if options.reader:
        print(json.dumps(_measure(options.reader, options.clips, options.count)))
        return
    _print_table(options)


def _print_table(options: argparse.Namespace) -> None:
    folder = clips_film.short_clips(options.clips, count=options.count)
    print(f"{options.count} clips, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    results: dict[str, list[dict[str, Any]]] = {}
    for _ in range(options.rounds):
        for reader in ("common_ml", *PEERS):
            results.setdefault(reader, []).append(_in_a_process(reader, folder, options.count))
    for reader, runs in results.items():
        if "missing" in runs[0]:
            print(f"| {reader} | {runs[0]['missing']} |")
            continue
        ratios = [
            run["cpu_seconds"] / own["cpu_seconds"]
            for run, own in zip(runs, results["common_ml"], strict=True)
        ]
        print(
            f"| {reader} | CPU {statistics.median(run['cpu_seconds'] for run in runs):.2f} s"
            f" | {statistics.median(run['seconds'] for run in runs):.2f} s"
            f" | {statistics.median(ratios):.2f}x | {runs[0]['frames']} frames |"
        )


def _in_a_process(reader: str, folder: Path, count: int) -> dict[str, Any]:
    arguments = ["--reader", reader, "--clips", str(folder), "--count", str(count)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.short_clips", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _measure(reader: str, folder: Path, count: int) -> dict[str, Any]:
    """Read the clips of a folder; the first one warms up."""
    paths = [str(path) for path in sorted(folder.glob("*.mp4"))[:count]]
    try:
        _read(reader, paths[0])
    except ImportError as error:
        return {"missing": str(error)}
    started, busy = time.perf_counter(), _cpu_seconds()
    num_frames = sum(_read(reader, path) for path in paths)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": _cpu_seconds() - busy,
        "frames": num_frames,
    }


def _read(reader: str, path: str) -> int:
    """Take a frame of each second."""
    if reader == "common_ml":
        from common_ml.media import decode
        from common_ml.media.kinds import kind_of
        from common_ml.media.media_file import MediaFile

        media = MediaFile(path)
        if kind_of(media) != "video":
            raise ValueError(path)
        with decode.VideoReader(media).sample(1) as frames:
            return sum(1 for _ in frames)
    seconds = int(Path(path).stem.rpartition("_")[2])
    wanted = range(0, seconds * clips_film.RATE, clips_film.RATE)
    return sum(1 for _ in READERS[reader](path, wanted))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path("/tmp/common-ml-clips"))  # noqa: S108 - large, and made again when lost
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--reader", help="measure one reader, and print a JSON object")
    return parser.parse_args()


if __name__ == "__main__":
    main()
