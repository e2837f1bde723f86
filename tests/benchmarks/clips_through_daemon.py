"""Two hundred short clips through a whole tagger: lines on stdin, tags of one frame a second.

    python -m tests.benchmarks.clips_through_daemon --clips /tmp/decode-clips [--beside TREE]

`--beside` measures another tree of common-ml in the same rounds, one after the other. All lines are
sent at once, as a runtime does that has the files. A model of 0 ms does next to nothing; the others
wait that long for each frame, as for a graphics card. The clock runs from the start of the process
to its end, and so do the CPU seconds, which are those of all its threads.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks import clips_film

COUNT = 200
MAIN = """
import time
from common_ml import FrameModel, FrameTag, run_default

class Model(FrameModel):
    def tag_frame(self, img):
        if MILLISECONDS:
            time.sleep(MILLISECONDS / 1000)
        return [FrameTag(tag=str(img.sum() % 1000))]

run_default(Model())
"""


class Run(NamedTuple):
    """One tagger, from its start to its end."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    tags: str
    """Digest of its tags file."""


def main() -> None:
    """Measure and print a table."""
    options = _options()
    folder = clips_film.short_clips(options.clips, count=options.count)
    paths = sorted(map(str, folder.glob("*.mp4")))[: options.count]
    trees = {"this": Path(__file__).resolve().parents[2]}
    if options.beside is not None:
        trees["beside"] = options.beside.resolve()
    print(f"{len(paths)} clips, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    for milliseconds in options.model_ms:
        runs: dict[str, list[Run]] = {name: [] for name in trees}
        for _ in range(options.rounds):
            for name, tree in trees.items():
                runs[name].append(_run(tree, paths, milliseconds))
        for name, of_tree in runs.items():
            seconds, cpu, peak = (
                statistics.median(column)
                for column in zip(*(run[:3] for run in of_tree), strict=True)
            )
            print(
                f"model of {milliseconds} ms, {name}: {seconds:.2f} s, CPU {cpu:.2f} s,"
                f" {peak:.0f} MiB"
            )
        if len({run.tags for of_tree in runs.values() for run in of_tree}) > 1:
            print("NOT THE SAME tags")


def _run(tree: Path, paths: list[str], milliseconds: float) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        program, output = Path(folder) / "main.py", Path(folder) / "tags.jsonl"
        program.write_text(f"MILLISECONDS = {milliseconds}\n{MAIN}")
        start = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, str(program), "--output-path", str(output)],
            env={**os.environ, "PYTHONPATH": str(tree)},
            cwd=folder,
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert child.stdin is not None
        child.stdin.write("".join(f"{path}\n" for path in paths).encode())
        child.stdin.close()
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            sys.exit(f"the tagger of {tree} failed")
        lines = output.read_bytes()
        num_done = sum(json.loads(line)["type"] == "progress" for line in lines.splitlines())
        if num_done != len(paths):
            sys.exit(f"{num_done} of {len(paths)} files are done")
        digest = hashlib.sha256(lines).hexdigest()
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, digest)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path("/tmp/common-ml-clips"))  # noqa: S108 - large, and made again when lost
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--model-ms", type=float, nargs="+", default=[0, 30])
    return parser.parse_args()


if __name__ == "__main__":
    main()
