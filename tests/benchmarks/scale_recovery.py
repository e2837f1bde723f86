"""How long a run on Ray stands still when something is killed, and what is done twice.

    python -m tests.benchmarks.scale_recovery [--rounds 5] [--only tagger actor node driver]

One tagger, films of 0.2 s. In the middle of a film its tagger, the process of its actor, the
machine of that actor (`ray.cluster_utils.Cluster`; another one has room) or the driver gets
SIGKILL; a killed driver is started again at once with `--resume`. Seconds from the kill until a
film is finished by a tagger that was started after it: its part is there. In hand: films that were
begun and had no part yet, so that they are tagged again. Done twice: films that had their part and
were tagged again all the same, and films with more than one outcome.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.runtime.targets import find_target
from common_ml.scale import ScaleJob
from common_ml.scale.film_worker import WorkSpec
from common_ml.scale.probing import films_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAIN = """
import json, os, sys, time
output = os.open(sys.argv[sys.argv.index("--output-path") + 1],
                 os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
journal = os.open(os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "journal"),
                  os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
def note(what, path):
    line = f"{what} {os.path.basename(path)} {os.getpid()} {os.getppid()}" + chr(10)
    os.write(journal, line.encode())
for line in sys.stdin:
    path = line.rstrip()
    note("begins", path)
    time.sleep(0.2)
    note("ends", path)
    for kind, data in (
        ("tag", {"start_time": 0, "end_time": 1, "tag": "x", "source_media": path}),
        ("progress", {"source_media": path}),
    ):
        os.write(output, (json.dumps({"type": kind, "data": data}) + chr(10)).encode())
"""
NUM_FILMS = 40
_KILL_AT = 10
"""The film in whose middle something is killed."""
_LOOK_SECONDS = 0.005
LOOPBACK = "127.0.0.2"
"""Ray takes 127.0.0.1 for the address of the network card."""


@dataclass(frozen=True)
class Entry:
    """A line of the journal that taggers write."""

    what: str
    film: str
    tagger: int
    parent: int
    """What started the tagger: an actor."""


@dataclass(frozen=True)
class Recovery:
    """What a kill cost."""

    seconds: float
    num_in_hand: int
    num_done_twice: int


class Place:
    """A folder with a tagger, films, and the parts and journal that a run leaves."""

    def __init__(self, folder: Path) -> None:
        """Make the tagger and the films."""
        self.folder = folder
        self.parts = folder / "tags.parts"
        self._done_before = set[str]()
        (folder / "tagger").mkdir()
        (folder / "films").mkdir()
        self.main = folder / "tagger" / "main.py"
        self.main.write_text(MAIN)
        self.films = [folder / "films" / f"{number:03}.mp4" for number in range(NUM_FILMS)]
        for film in self.films:
            film.write_bytes(b"x" * 1000)

    def journal(self) -> list[Entry]:
        """What the taggers wrote so far."""
        path = self.main.with_name("journal")
        lines = path.read_text().splitlines() if path.exists() else []
        words = [line.split() for line in lines]
        return [Entry(what, film, int(pid), int(parent)) for what, film, pid, parent in words]

    def wait_for_the_middle(self) -> Entry:
        """Wait until a tagger is in the middle of a film; return what it wrote last."""
        while sum(entry.what == "begins" for entry in self.journal()) < _KILL_AT:
            time.sleep(_LOOK_SECONDS)
        time.sleep(0.1)
        self._done_before = set(self._outcomes())
        return self.journal()[-1]

    def wait_for_a_part(self, *, killed_at: float) -> float:
        """Return the seconds from a kill to a part of a tagger that was started after it."""
        before = {entry.tagger for entry in self.journal()}
        while True:
            done = {
                entry.film
                for entry in self.journal()
                if entry.what == "ends" and entry.tagger not in before
            }
            if done & set(self._outcomes()):
                return time.monotonic() - killed_at
            time.sleep(_LOOK_SECONDS)

    def recovery(self, seconds: float) -> Recovery:
        """Count what was tagged again.

        Raises:
            SystemExit: a film has no outcome.
        """
        outcomes = self._outcomes()
        missing = {film.name for film in self.films} - set(outcomes)
        if missing:
            raise SystemExit(f"films without an outcome: {sorted(missing)}")
        begun = Counter(entry.film for entry in self.journal() if entry.what == "begins")
        again = {film for film, number in begun.items() if number > 1}
        return Recovery(
            seconds,
            len(again - self._done_before),
            len(again & self._done_before) + sum(number - 1 for number in outcomes.values()),
        )

    def _outcomes(self) -> Counter[str]:
        """Count the outcomes of each film in all parts."""
        lines = [
            line for path in self.parts.glob("*.jsonl") for line in path.read_text().splitlines()
        ]
        messages = [json.loads(line) for line in lines]
        return Counter(
            os.path.basename(message["data"]["source_media"])
            for message in messages
            if message["type"] in ("progress", "error")
        )


def main() -> None:
    """Measure and print a table."""
    options = _options()
    logging.disable(logging.WARNING)
    import ray

    print(f"Python {platform.python_version()}, Ray {ray.__version__}, {os.cpu_count()} CPUs")
    print("| killed | seconds, median (least to most) | in hand | done twice |")
    for what in options.only:
        found = [_measure(what) for _ in range(options.rounds)]
        seconds = [recovery.seconds for recovery in found]
        print(
            f"| {what} | {statistics.median(seconds):.2f} ({min(seconds):.2f} to"
            f" {max(seconds):.2f}) | {sum(recovery.num_in_hand for recovery in found)}"
            f" | {sum(recovery.num_done_twice for recovery in found)} |",
            flush=True,
        )


def _measure(what: str) -> Recovery:
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name))
        return _kill_driver(place) if what == "driver" else _kill_below_driver(place, what)


def _kill_below_driver(place: Place, what: str) -> Recovery:
    with _cluster() as (cluster, nodes):
        kills: dict[str, Callable[[Entry], None]] = {
            "tagger": lambda entry: os.kill(entry.tagger, signal.SIGKILL),
            "actor": lambda entry: os.kill(entry.parent, signal.SIGKILL),
            "node": lambda entry: _kill_node_of(cluster, nodes, entry.parent),
        }
        spec = WorkSpec(find_target(str(place.main)), parts=str(place.parts))
        films = films_of(map(str, place.films))
        with ScaleJob(spec, films, on=f"ray:{cluster.address}", max_taggers=1) as job:
            work = threading.Thread(target=lambda: list(job.results()))
            work.start()
            entry = place.wait_for_the_middle()
            killed_at = time.monotonic()
            kills[what](entry)
            seconds = place.wait_for_a_part(killed_at=killed_at)
            work.join()
    return place.recovery(seconds)


def _kill_driver(place: Place) -> Recovery:
    command = [
        sys.executable, "-m", "common_ml", "run", str(place.main), str(place.folder / "films"),
        "-o", str(place.folder / "tags.jsonl"), "--on", "ray", "--max-taggers", "1",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
        place.wait_for_the_middle()
        killed_at = time.monotonic()
        driver.kill()
    with subprocess.Popen(
        [*command, "--resume", "--parts", str(place.parts)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as again:
        seconds = place.wait_for_a_part(killed_at=killed_at)
        if again.wait():
            raise SystemExit(f"the run that goes on ended with {again.returncode}")
    return place.recovery(seconds)


def _kill_node_of(cluster: Any, nodes: list[Any], actor: int) -> None:
    """Kill the machine that an actor runs on; its Ray daemon is the parent of the actor."""
    fields = Path(f"/proc/{actor}/stat").read_text().rpartition(")")[2].split()
    raylet = int(fields[1])
    (node,) = [node for node in nodes if node.all_processes["raylet"][0].process.pid == raylet]
    cluster.remove_node(node, allow_graceful=False)


@contextmanager
def _cluster() -> Iterator[tuple[Any, list[Any]]]:
    """A head that runs no tagger, and two machines of one CPU, with Ray's own health checks."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    options: dict[str, Any] = {"node_ip_address": LOOPBACK, "object_store_memory": 80 << 20}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, **options},
    )
    try:
        nodes = [cluster.add_node(num_cpus=1, **options) for _ in range(2)]
        cluster.wait_for_nodes()
        yield cluster, nodes
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call] # Ray has hints in part


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    kinds = ["tagger", "actor", "node", "driver"]
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=kinds, default=kinds)
    return parser.parse_args()


if __name__ == "__main__":
    main()
