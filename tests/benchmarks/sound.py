"""How fast sound is read, beside the `ffmpeg` program.

    python -m tests.benchmarks.sound --rounds 7

Ten minutes of stereo AAC at 48 kHz become mono at 16 kHz. The two take turns, in processes of their
own, and the table holds the medians of the rounds' ratios. The program's time includes its start;
ours is counted from the open file name, and once more with the start of Python and the imports.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 600
_READ = """
import sys, time
from common_ml.media.audio import read_audio
start = time.perf_counter(), time.process_time()
samples = read_audio(sys.argv[1], 16000)
print(time.perf_counter() - start[0], time.process_time() - start[1], len(samples))
"""


class Round(NamedTuple):
    """Seconds of one turn of both."""

    ours: float
    ours_cpu: float
    whole_process: float
    program: float
    program_cpu: float


def main() -> None:
    options = _options()
    program = shutil.which("ffmpeg")
    if program is None:
        sys.exit("there is no ffmpeg program here")
    path = _made(program, options.clips)
    rounds = [_round(program, path) for _ in range(options.rounds)]
    for name, ratios in (
        ("on the clock", [r.ours / r.program for r in rounds]),
        ("with Python's start", [r.whole_process / r.program for r in rounds]),
        ("CPU seconds", [r.ours_cpu / r.program_cpu for r in rounds]),
    ):
        sys.stdout.write(f"| {name} | {statistics.median(ratios):.2f}x |\n")
    for field in Round._fields:
        median = statistics.median(getattr(r, field) for r in rounds)
        sys.stdout.write(f"{field}: {median:.2f} s\n")
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f}\n")


def _round(program: str, path: Path) -> Round:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)], cwd=REPOSITORY, stdout=subprocess.PIPE, check=True
    )
    whole = time.perf_counter() - start
    ours, ours_cpu, num_samples = map(float, done.stdout.split())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    raw = subprocess.run(
        [program, "-v", "error", "-i", str(path), "-ac", "1", "-ar", "16000", "-f", "f32le", "-"],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if abs(num_samples - len(raw) / 4) > 16_000 // 10:
        sys.stdout.write(f"NOT THE SAME: {num_samples} and {len(raw) / 4} samples\n")
    return Round(ours, ours_cpu, whole, seconds, cpu)


def _made(program: str, directory: Path) -> Path:
    """Noise and a tone, one in each channel."""
    path = directory / "ten_minutes.m4a"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".unfinished.m4a")
        noise = f"anoisesrc=d={SECONDS}:c=pink:r=48000:a=0.3:seed=7"
        sources = ["-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", f"sine=300:r=48000:d={SECONDS}"]
        subprocess.run(
            [
                *(program, "-v", "error", "-y", *sources),
                *("-filter_complex", "[0][1]amerge=inputs=2"),
                *("-c:a", "aac", "-b:a", "128k", scratch),
            ],
            check=True,
        )
        scratch.rename(path)
    return path


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path("/tmp/common-ml-clips"))  # noqa: S108 - large, and made again when lost
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
