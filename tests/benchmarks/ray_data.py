"""The same clips through the same model: `common-ml run`, also on Ray, and Ray Data.

    pip install -e '.[bench]'
    python -m tests.benchmarks.ray_data --clips /tmp/decode-clips --rounds 3

Ray Data decodes by its own reader, `ray.data.read_videos(fps=1)`, which needs decord. Time and CPU
time are those of the whole program with all its processes, once for few clips and once for many:
what a further clip costs is the difference. Memory is measured in a run of its own. Then clips
whose pictures carry their number: which frames come out, with which times, against the ffmpeg
program.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import re
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks import clips_film, numbered_clips, process_tree
from tests.benchmarks.ray_data_model import WAIT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.numbered_clips import Shown
    from tests.benchmarks.process_tree import Usage

REPOSITORY = Path(__file__).resolve().parents[2]
FEW = 12
MAIN = """
from common_ml import FrameModel, FrameTag, run_default
from tests.benchmarks.ray_data_model import look

class Model(FrameModel):
    def tag_frame(self, img):
        return [FrameTag(tag=look(img))]

run_default(Model())
"""
CANDIDATES = {
    "common-ml run --jobs 2": ("run", "--jobs", "2"),
    "common-ml run --on ray": ("run", "--on", "ray", "--max-taggers", "2"),
    "Ray Data, a function": ("function",),
    "Ray Data, a class": ("class",),
}


@dataclass(frozen=True)
class Taken:
    """A frame that a model was given."""

    index: int
    seconds: float
    shape: tuple[int, int]
    number: int
    """Read from the picture."""


def main() -> None:
    """Measure and print tables."""
    options = _options()
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {_versions()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "main.py").write_text(MAIN)
        if not options.only_frames:
            clips = clips_film.short_clips(options.clips, count=options.count)
            paths = sorted(map(str, clips.glob("*.mp4")))[: options.count]
            for milliseconds in options.model_ms:
                _print_costs(folder, paths, milliseconds=milliseconds, rounds=options.rounds)
        _print_frames(folder, options.clips / "numbered")


def _print_costs(folder: Path, paths: Sequence[str], *, milliseconds: int, rounds: int) -> None:
    runs: dict[str, list[tuple[Usage, Usage]]] = defaultdict(list)
    memory: dict[str, Usage] = {}
    missing: dict[str, str] = {}
    for round_number in range(rounds + 1):
        for candidate in CANDIDATES:
            if candidate in missing:
                continue
            watched = round_number == rounds
            few, many = (
                _run(folder, candidate, some, milliseconds=milliseconds, with_memory=watched)
                for some in (paths[:FEW], paths)
            )
            if many.status:
                missing[candidate] = _last_line(many.output)
            elif watched:
                memory[candidate] = many
            else:
                runs[candidate].append((few, many))
    print(f"\n{len(paths)} clips, one frame a second, {milliseconds} ms of model a frame")
    print("| | s | CPU s | ms a further clip | CPU ms a further clip | peak MiB | processes |")
    for candidate in CANDIDATES:
        if candidate in missing:
            print(f"| {candidate} | {missing[candidate]} |")
            continue
        pairs = runs[candidate]
        further = len(paths) - FEW
        seconds = statistics.median(many.seconds for _, many in pairs)
        cpu = statistics.median(many.cpu_seconds for _, many in pairs)
        each = statistics.median((many.seconds - few.seconds) / further for few, many in pairs)
        each_cpu = statistics.median(
            (many.cpu_seconds - few.cpu_seconds) / further for few, many in pairs
        )
        peak = memory[candidate]
        print(
            f"| {candidate} | {seconds:.1f} | {cpu:.1f} | {each * 1000:.0f} | {each_cpu * 1000:.0f}"
            f" | {peak.peak_mib:.0f} | {peak.num_processes} |",
            flush=True,
        )


def _print_frames(folder: Path, numbered: Path) -> None:
    """Print which frames come out of numbered clips: one run each, and one more with damage."""
    clips = numbered_clips.make_all(numbered)
    shown = {what: numbered_clips.read_by_ffmpeg(path) for what, path in clips.items()}
    damaged = numbered_clips.make_damaged(numbered)
    print("\n| | frames | right index | right time | upright | at most off the second |")
    for candidate in ("common-ml run --on ray", "Ray Data, a function"):
        usage = _run(folder, candidate, [str(path) for path in clips.values()])
        if usage.status:
            print(f"| {candidate} | {_last_line(usage.output)} |")
            continue
        taken = _taken(folder)
        for what, path in clips.items():
            print(f"| {candidate}, {what} | {_judged(taken[str(path)], shown[what])} |")
        good = str(clips["24 frames/s"])
        usage = _run(folder, candidate, [good, str(damaged)])
        num_good = len(_taken(folder)[good])
        print(
            f"| {candidate}, beside a damaged file | {num_good} of 12 frames of the good one,"
            f" exit status {usage.status}: {_last_line(usage.output)} |",
            flush=True,
        )


def _judged(taken: Sequence[Taken], shown: Sequence[Shown]) -> str:
    """Compare frames with those of the ffmpeg program: by the number in the picture."""
    place_of = {frame.number: place for place, frame in enumerate(shown)}
    places = [place_of.get(frame.number, -1) for frame in taken]
    seconds = [shown[place].seconds if place >= 0 else -1.0 for place in places]
    right_index = sum(frame.index == place for frame, place in zip(taken, places, strict=True))
    right_time = sum(
        abs(frame.seconds - truth) < 0.002  # ours are in milliseconds
        for frame, truth in zip(taken, seconds, strict=True)
    )
    upright = sum(frame.shape == shown[0].shape for frame in taken)
    num_wanted = int(shown[-1].seconds) + 1
    off = max((abs(truth - second) for second, truth in enumerate(sorted(seconds))), default=0.0)
    return (
        f"{len(taken)} of {num_wanted} | {right_index} | {right_time} | {upright}"
        f" | {off * 1000:.0f} ms"
    )


def _run(
    folder: Path,
    candidate: str,
    paths: Sequence[str],
    *,
    milliseconds: int = 0,
    with_memory: bool = False,
) -> Usage:
    first, *options = CANDIDATES[candidate]
    output = folder / "out.jsonl"
    output.unlink(missing_ok=True)
    if first == "run":
        module = ["common_ml", "run", str(folder / "main.py"), *paths, "-o", str(output)]
    else:
        module = ["tests.benchmarks.ray_data_pipeline", first, str(output), *paths]
    environment = {
        WAIT_VARIABLE: str(milliseconds),
        "PYTHONPATH": str(REPOSITORY),
        "RAY_worker_niceness": "0",  # 15 by default: beside other work it would measure that
    }
    return process_tree.run(
        [sys.executable, "-m", *module, *options],
        cwd=folder,
        environment=environment,
        with_memory=with_memory,
    )


def _taken(folder: Path) -> dict[str, list[Taken]]:
    """Read the frames that either wrote, by their clip."""
    found: dict[str, list[Taken]] = defaultdict(list)
    output = folder / "out.jsonl"
    for line in output.read_text().splitlines() if output.exists() else ():
        entry = json.loads(line)
        if "look" in entry:
            path, index, seconds, look = (
                entry[name] for name in ("path", "index", "seconds", "look")
            )
        elif entry["type"] == "tag" and entry["data"].get("frame_info"):
            data = entry["data"]
            path, look = data["source_media"], data["tag"]
            index, seconds = data["frame_info"]["frame_idx"], data["start_time"] / 1000
        else:
            continue
        height, width, number, _ = look.split()
        found[path].append(Taken(index, seconds, (int(height), int(width)), int(number)))
    return found


def _last_line(output: str) -> str:
    """Return the last error that a program reported, or what it said last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (errors or lines or ["it says nothing"])[-1][:150]


def _versions() -> str:
    names = ("ray", "decord", "av")
    found = [name for name in names if importlib.util.find_spec(name)]
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=Path, default=Path("/tmp/decode-clips"))  # noqa: S108 - made anew if lost
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model-ms", type=int, nargs="*", default=[0, 30])
    parser.add_argument("--only-frames", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
