"""What a film costs beside its tagging: plain jobs, parts, Ray; and what a second tagger brings.

    python -m tests.benchmarks.scale [--films 200] [--work-ms 20] [--rounds 3] [--ray]

The tagger spins for a time and writes a tag, so that all else is overhead. A film: the time
between the first and the last tenth of the outcomes, over the films between them; with work, over
those that the taggers finished meanwhile, since outcomes of short films come several at a time.
Efficiency: the films a second of two taggers over twice those of one; it needs two idle cores. A
part is written through to the disk (fsync, twice), which a busy disk takes milliseconds for:
TMPDIR=/dev/shm shows the rest.

CPU time says the same on a machine that others use too: what the runtime, Ray and the taggers take
a film beside the work. With one tagger the second core takes it; with two it comes on top, so that
the efficiency is at most (work + what is not hidden behind it) / (work + overhead).

The first row is what the machine gives: the same programs, to each of which its films are written
at once, without a runtime. What two of them lose to one is no overhead of ours.
"""

from __future__ import annotations

import argparse
import os
import platform
import selectors
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.runtime import ProcessTagger
from common_ml.runtime.job import TaggingJob
from common_ml.runtime.targets import find_target
from common_ml.scale import ScaleJob
from common_ml.scale.film_worker import WorkSpec
from common_ml.scale.probing import films_of
from common_ml.tagging.messages import Progress
from tests.benchmarks import process_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAIN = """
import json, os, sys, time
output = os.open(sys.argv[sys.argv.index("--output-path") + 1],
                 os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
finished = os.open(os.environ["FINISHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
seconds = float(os.environ.get("WORK_SECONDS", "0"))
for line in sys.stdin:
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        pass
    for kind, data in (
        ("tag", {"start_time": 0, "end_time": 1, "tag": "x", "source_media": line.rstrip()}),
        ("progress", {"source_media": line.rstrip()}),
    ):
        os.write(output, (json.dumps({"type": kind, "data": data}) + chr(10)).encode())
    os.write(finished, b".")
"""


def main() -> None:
    options = _options()
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.machine()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "main.py").write_text(MAIN)
        paths = [folder / f"{number}.mp4" for number in range(options.films)]
        for path in paths:
            path.write_bytes(b"x" * 1000)
        films = [str(path) for path in paths]
        for work_ms in (0.0, options.work_ms):
            os.environ["WORK_SECONDS"] = str(work_ms / 1000)
            rows: dict[str, Callable[[int], Iterable[object]]] = {
                "plain": lambda number: _plain(folder, films, number),
                "jobs": lambda number: _jobs(folder, films, number),
                "parts": lambda number: _scaled(folder, films, number, on="local"),
            }
            if options.ray:
                rows["Ray"] = lambda number: _scaled(folder, films, number, on="ray")
            found: dict[str, list[tuple[Cost, Cost]]] = {what: [] for what in rows}
            for _ in range(options.rounds):
                for what, outcomes in rows.items():
                    one, two = (_cost(outcomes(n), len(films), work_ms) for n in (1, 2))
                    found[what].append((one, two))
            for what, pairs in found.items():
                _print_row(what, work_ms, pairs)


@dataclass(frozen=True)
class Cost:
    """Milliseconds a film."""

    elapsed: float
    own_cpu: float
    """Of this process: the driver, and without Ray what reads and writes the messages."""
    other_cpu: float
    """Of the taggers, with their work, and of Ray."""


def _print_row(what: str, work_ms: float, pairs: list[tuple[Cost, Cost]]) -> None:
    one, two = (statistics.median(pair[place].elapsed for pair in pairs) for place in (0, 1))
    ratio = statistics.median(first.elapsed / (2 * second.elapsed) for first, second in pairs)
    own, others = (
        statistics.median(getattr(pair[1], name) for pair in pairs)
        for name in ("own_cpu", "other_cpu")
    )
    print(
        f"{what:6} work {work_ms:4.0f} ms: {one:6.2f} ms a film with one tagger, {two:6.2f} with"
        f" two, efficiency {ratio:.2f}; CPU beside the work, with two: {own:.2f} of the driver,"
        f" {others - work_ms:.2f} of others",
        flush=True,
    )


def _cost(outcomes: Iterable[object], num_films: int, work_ms: float) -> Cost:
    """Measure between the first and the last tenth of the outcomes, when all taggers run."""
    mark = os.environ[process_tree.MARK] = uuid.uuid4().hex
    tenth = num_films // 10
    with tempfile.NamedTemporaryFile() as finished:
        os.environ["FINISHED"] = finished.name
        (before, films_before), (after, films_after) = (
            (
                (time.perf_counter(), time.process_time(), _cpu_of_marked(mark)),
                os.path.getsize(finished.name) if work_ms else number,
            )
            for number, _ in enumerate(outcomes)
            if number in (tenth, num_films - tenth - 1)
        )
    films = films_after - films_before
    return Cost(*((b - a) / films * 1000 for a, b in zip(before, after, strict=True)))


def _cpu_of_marked(mark: str) -> float:
    found = [process_tree.cpu_seconds_of(pid) for pid in process_tree.marked(mark)]
    return sum(seconds for _, seconds in filter(None, found))


def _plain(folder: Path, films: list[str], number: int) -> Iterable[object]:
    """Yield each outcome of programs that share the films beforehand."""
    command = [sys.executable, "-u", str(folder / "main.py"), "--output-path", "/dev/stdout"]
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for place in range(number):
            listed = stack.enter_context(tempfile.TemporaryFile())
            listed.write("".join(f"{film}\n" for film in films[place::number]).encode())
            listed.seek(0)
            process = subprocess.Popen(command, stdin=listed, stdout=subprocess.PIPE)
            stack.enter_context(process)
            assert process.stdout is not None
            selector.register(process.stdout, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                data = os.read(key.fd, 1 << 16)
                yield from [None] * data.count(b'"progress"')
                if not data:
                    selector.unregister(key.fileobj)


def _jobs(folder: Path, films: list[str], number: int) -> Iterable[object]:
    command = [sys.executable, "-u", str(folder / "main.py")]
    with TaggingJob([ProcessTagger(command) for _ in range(number)], films) as job:
        yield from (message for message in job.messages() if isinstance(message, Progress))


def _scaled(folder: Path, films: list[str], number: int, *, on: str) -> Iterable[object]:
    parts = tempfile.mkdtemp(dir=folder)
    spec = WorkSpec(find_target(str(folder / "main.py")), parts=parts)
    with ScaleJob(spec, films_of(films), on=on, max_taggers=number) as job:
        yield from job.results()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work-ms", type=float, default=20.0)
    parser.add_argument("--ray", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
