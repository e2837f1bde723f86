"""A whole tagger, from the line on stdin: how soon it answers, how much memory it takes.

    python tests/benchmarks/daemon.py [--clips DIRECTORY] [--images 500]

Starts a real `main.py` with a trivial FrameModel. Latency: the time from writing the line of a
small PNG to having read its `progress` line, one file at a time, after 50 files to warm up.
Memory: the peak resident memory (VmHWM) of the process after it tagged 1080p film at 5 frames per
second.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.clips_film import film, long_film
from tests.media.recipes import picture
from tests.tagging.child import Child

MAIN = """
from common_ml import FrameModel, FrameTag, run_default

class Trivial(FrameModel):
    def tag_frame(self, img):
        return [FrameTag(tag="bright" if img[0, 0, 0] > 127 else "dark")]

run_default(Trivial())
"""
WARM_UP = 50


def main() -> None:
    options = _options()
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "main.py"
        program.write_text(MAIN)
        image = Path(folder) / "small.png"
        cv2.imwrite(str(image), picture(5, 320, 192))
        _print_latency(program, str(image), count=options.images)
        for minutes in (1, 10):
            path = _clip(options.clips, minutes)
            _print_memory(program, path, minutes)


def _clip(directory: Path, minutes: int) -> Path:
    name = "h264_gop_48"
    return film(name, directory) if minutes == 1 else long_film(name, directory, minutes=minutes)


def _print_latency(program: Path, image: str, *, count: int) -> None:
    with Child(program) as tagger:
        times_ms = []
        for _ in range(WARM_UP + count):
            start = time.perf_counter()
            tagger.send(image)
            while tagger.next_message()["type"] != "progress":
                pass
            times_ms.append((time.perf_counter() - start) * 1000)
        tagger.finish()
    warm = sorted(times_ms[WARM_UP:])
    print(
        f"line -> progress of a 320x192 PNG, {count} times: "
        f"median {statistics.median(warm):.2f} ms, "
        f"95 % below {warm[int(len(warm) * 0.95)]:.2f} ms (to reach: 10 ms at the median)"
    )


def _print_memory(program: Path, path: Path, minutes: int) -> None:
    limit = {1: 300, 10: 320}[minutes]
    with Child(program, params='{"fps": 5}') as tagger:
        start = time.perf_counter()
        tagger.send(str(path))
        while tagger.next_message()["type"] != "progress":
            pass
        seconds = time.perf_counter() - start
        status = Path(f"/proc/{tagger.process.pid}/status").read_text()
        tagger.finish()
    (peak_kib,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    print(
        f"{minutes} min of 1080p at 5 fps: peak {int(peak_kib) / 1024:.0f} MiB resident "
        f"(to reach: {limit} MB), {seconds:.1f} s"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=Path, default=Path("/tmp/common-ml-clips"))  # noqa: S108 - large, and made again when lost
    parser.add_argument("--images", type=int, default=500)
    return parser.parse_args()


if __name__ == "__main__":
    main()
