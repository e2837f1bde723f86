"""How fast frames come out, beside OpenCV, decord, torchcodec and plain PyAV.

    python -m tests.benchmarks.decode --clips /tmp/decode-clips --rounds 5

Each measurement is a process of its own. Within a round the decoders take turns, so that a machine
that is busy with other things slows all of them alike; the table holds the
medians of the times, and of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import clips_film
from tests.benchmarks.clips_film import RATE, SECONDS

REPOSITORY = Path(__file__).resolve().parents[2]
Result = dict[str, Any]

FRAMES = RATE * SECONDS
VIDEO_PEERS = (
    *("OpenCV", "decord", "torchcodec", "torchcodec, 2 threads"),
    *("PyAV", "PyAV, thread_type AUTO"),
)


@dataclass
class Row:
    """One line of the table."""

    work: str
    target: str
    cells: dict[str, str] = field(default_factory=dict)
    """Reader and what it took."""
    verdict: str = ""


def main() -> None:
    options = _options()
    chosen = options.only or list(BENCHMARKS)
    sys.stdout.write(f"{_machine()}\n\n")
    for name in chosen:
        for row in BENCHMARKS[name](Bench(options.clips, options.rounds)):
            sys.stdout.write(_line(row))
            sys.stdout.flush()


@dataclass(frozen=True)
class Bench:
    """Where the clips are, and how often everything is measured."""

    clips: Path
    rounds: int

    def film(self, name: str) -> str:
        return str(clips_film.film(name, self.clips))

    def long_film(self, minutes: int) -> str:
        return str(clips_film.long_film("h264_gop_250", self.clips, minutes=minutes))

    def in_turns(self, jobs: dict[str, tuple[Any, ...]]) -> dict[str, list[Result]]:
        """Results of each job, one per round."""
        results: dict[str, list[Result]] = {name: [] for name in jobs}
        for turn in range(self.rounds):
            for name, arguments in jobs.items():
                if results[name] and "missing" in results[name][0]:
                    continue
                results[name].append(measure(*(a(turn) if callable(a) else a for a in arguments)))
        return results


def measure(task: str, reader: str, path: str, first: int, stop: int, step: int) -> Result:
    """Runs one measurement in a process of its own."""
    numbers = [str(number) for number in (first, stop, step)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.decode_peers", task, reader, path, *numbers],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        check=True,
    )
    result: Result = json.loads(done.stdout)
    return result


# -- the benchmarks -----------------------------------------------------------------------------


def one_fps(bench: Bench) -> list[Row]:
    """One frame a second: what most taggers ask for."""
    goals = {
        "h264_gop_48": "2.5x, aim 3x",
        "h264_gop_48_8mbps": "2.5x, aim 3x",
        "h264_gop_250": "1.7x, aim 2x",
        "hevc": "1.5x, aim 2x",
    }
    rows = []
    for name, goal in goals.items():
        path = bench.film(name)
        jobs = {r: ("video", r, path, 0, FRAMES, RATE) for r in ("common_ml", *VIDEO_PEERS)}
        rows.append(_against_fastest(f"1 fps, {name}", goal, bench.in_turns(jobs)))
    return rows


def native_rate(bench: Bench) -> list[Row]:
    """Every frame, as RGB."""
    rows = []
    for name in ("h264_gop_48", "h264_gop_250", "hevc"):
        readers = ("common_ml", "PyAV", "PyAV, thread_type AUTO", "OpenCV", "torchcodec, 2 threads")
        jobs = {r: ("video", r, bench.film(name), 0, FRAMES, 1) for r in readers}
        results = bench.in_turns(jobs)
        row = _against_fastest(
            f"every frame, {name}", "1x PyAV's default threads, aim 1.2x", results
        )
        row.verdict = f"{_ratio(results, 'PyAV', 'common_ml')} PyAV; {row.verdict}"
        rows.append(row)
    return rows


def keyframes(bench: Bench) -> list[Row]:
    """A fast first look."""
    rows = []
    for name in ("h264_gop_48", "h264_gop_250"):
        jobs = {r: ("video", r, bench.film(name), 0, FRAMES, 1) for r in ("PyAV", "common_ml")}
        jobs["keyframes"] = ("video", "common_ml keyframes()", bench.film(name), 0, FRAMES, 1)
        results = bench.in_turns(jobs)
        row = Row(f"keyframes only, {name}", "10x a full decode", _cells(results))
        full = min(("PyAV", "common_ml"), key=lambda reader: _median(results[reader]))
        row.verdict = f"{_ratio(results, full, 'keyframes')} {full}'s full decode"
        rows.append(row)
    return rows


def one_index(bench: Bench) -> list[Row]:
    """A frame out of ten minutes, each time another one."""
    path = bench.long_film(10)
    places = [n * 3571 % (10 * FRAMES) for n in range(1, bench.rounds + 1)]
    readers = ("common_ml frames()", "torchcodec", "torchcodec, 2 threads", "decord")
    jobs = {r: ("video", r, path, lambda t: places[t], lambda t: places[t] + 1, 1) for r in readers}
    results = bench.in_turns(jobs)
    row = Row("one index of 10 minutes", "within 1.5x of torchcodec", _cells(results))
    row.verdict = f"{_ratio(results, 'common_ml frames()', 'torchcodec')} torchcodec's time"
    _check_frames(results)
    return [row]


def memory(bench: Bench) -> list[Row]:
    """Peak resident memory must not know how long the film is."""
    peaks = {}
    for minutes in (1, 10):
        path = bench.film("h264_gop_250") if minutes == 1 else bench.long_film(10)
        result = measure("video", "common_ml at 5 fps", path, 0, minutes * FRAMES, 1)
        peaks[minutes] = result["peak_megabytes"]
    row = Row("peak memory at 5 fps, 1 and 10 minutes", "same within 5 %, < 300 MB")
    row.cells = {f"{minutes} min": f"{peak:.0f} MB" for minutes, peak in peaks.items()}
    row.verdict = f"{(peaks[10] / peaks[1] - 1) * 100:+.1f} %"
    return [row]


def stills(bench: Bench) -> list[Row]:
    """A batch of pictures."""
    count = 1000
    folder = str(clips_film.jpegs(bench.clips, count=count)[0].parent)
    jobs = {r: ("stills", r, folder, 0, count, 1) for r in ("common_ml", "cv2.imread")}
    results = bench.in_turns(jobs)
    row = Row("1,000 JPEGs of 1280x720", "1.6x a cv2.imread loop", _cells(results))
    row.verdict = _ratio(results, "cv2.imread", "common_ml")
    for ours, theirs in zip(results["common_ml"], results["cv2.imread"], strict=True):
        for n, (seen, wanted) in enumerate(zip(ours["looks"], theirs["looks"], strict=True)):
            _claim(_difference(seen, wanted) < 1, f"picture {50 * n} looks different")
    return [row]


def model(bench: Bench) -> list[Row]:
    """A model that waits as long as its decode takes: both should run at once."""
    path = bench.film("h264_gop_48")
    runs = bench.in_turns({"common_ml": ("model", "common_ml", path, 0, FRAMES, RATE)})["common_ml"]
    shares = [run["seconds"] / max(run["alone"], run["waited"]) for run in runs]
    row = Row("a model as slow as the decode", "1.2x the slower of the two")
    row.cells = {
        part: f"{statistics.median(run[part] for run in runs):.2f} s"
        for part in ("alone", "waited", "seconds")
    }
    row.verdict = f"{statistics.median(shares):.2f}x"
    return [row]


BENCHMARKS = {
    "one_fps": one_fps,
    "native_rate": native_rate,
    "keyframes": keyframes,
    "one_index": one_index,
    "memory": memory,
    "stills": stills,
    "model": model,
}


# -- from results to a table --------------------------------------------------------------------


def _against_fastest(work: str, target: str, results: dict[str, list[Result]]) -> Row:
    """Ours beside the fastest peer as it comes, and beside the fastest one with other settings."""
    row = Row(work, target, _cells(results))
    peers = [r for r in results if r != "common_ml" and "missing" not in results[r][0]]
    verdicts = []
    for kind, candidates in (
        ("peer as it comes", [peer for peer in peers if ", " not in peer]),
        ("one with settings of its own", [peer for peer in peers if ", " in peer]),
    ):
        if candidates:
            fastest = min(candidates, key=lambda reader: _median(results[reader]))
            ratio = _ratio(results, fastest, "common_ml")
            verdicts.append(f"{ratio} the fastest {kind} ({fastest})")
    row.verdict = "; ".join(verdicts)
    _check_frames(results)
    return row


def _cells(results: dict[str, list[Result]]) -> dict[str, str]:
    return {reader: runs[0].get("missing") or _taken(runs) for reader, runs in results.items()}


def _taken(runs: list[Result]) -> str:
    """On the clock, and of all CPUs together: a machine with other work changes the former."""
    text = f"{_median(runs):.3g} s"
    if "cpu_seconds" in runs[0]:
        text += f" (CPU {statistics.median(run['cpu_seconds'] for run in runs):.3g})"
    return text


def _median(runs: list[Result]) -> float:
    return float(statistics.median(run["seconds"] for run in runs))


def _ratio(results: dict[str, list[Result]], slow: str, fast: str) -> str:
    """Median of the rounds' ratios: what slows a whole round falls out of it."""
    pairs = list(zip(results[slow], results[fast], strict=True))
    text = f"{statistics.median(s['seconds'] / f['seconds'] for s, f in pairs):.2f}x"
    if all("cpu_seconds" in run for pair in pairs for run in pair):
        work = statistics.median(s["cpu_seconds"] / f["cpu_seconds"] for s, f in pairs)
        text += f" (CPU {work:.2f}x)"
    return text


def _check_frames(results: dict[str, list[Result]]) -> None:
    """All decoders took the same frames: number and time equal, pixels near."""
    ours, *others = (r for r in results if "missing" not in results[r][0])
    for turn, truth in enumerate(results[ours]):
        for reader in others:
            got = results[reader][turn]
            _claim(got["indices"] == truth["indices"], f"{reader} took other frames")
            offset = got["times"][0] - truth["times"][0]
            far = max(
                abs(a - b - offset) for a, b in zip(got["times"], truth["times"], strict=True)
            )
            _claim(far < 0.002, f"{reader}'s times are off by {far} s")
            for index, seen, wanted in zip(
                truth["indices"], got["looks"], truth["looks"], strict=False
            ):
                difference = _difference(seen, wanted)
                _claim(difference < 4, f"{reader}'s frame {index} looks different: {difference}")


def _difference(one: list[list[float]], other: list[list[float]]) -> float:
    """Mean distance in levels of 0..255."""
    pairs = [
        abs(a - b)
        for row, twin in zip(one, other, strict=True)
        for a, b in zip(row, twin, strict=True)
    ]
    return sum(pairs) / len(pairs)


def _claim(truth: bool, otherwise: str) -> None:
    if not truth:
        sys.stdout.write(f"NOT THE SAME: {otherwise}\n")


def _line(row: Row) -> str:
    cells = "; ".join(f"{reader} {taken}" for reader, taken in row.cells.items())
    return f"| {row.work} | {row.target} | **{row.verdict}** | {cells} |\n"


def _machine() -> str:
    model_names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    name = model_names[0] if model_names else platform.processor()
    return (
        f"{name}, {len(os.sched_getaffinity(0))} CPUs, Python {platform.python_version()},"
        f" load {os.getloadavg()[0]:.1f} at the start"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=Path("/tmp/common-ml-clips"))  # noqa: S108 - large, and made again when lost
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=list(BENCHMARKS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
