"""A cluster that scales by demand grows with a run and shrinks while it still goes on."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime.ray_cluster import RayCluster
from common_ml.runtime.targets import find_target
from common_ml.scale import ScaleJob
from common_ml.scale.film_worker import WorkSpec
from common_ml.scale.probing import films_of
from tests.scale.ray_marks import RAY_MARKS
from tests.scale.taggers import GATED, films_in, tagger_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.scale.pool import FilmResult

pytest.importorskip("ray")
pytestmark = RAY_MARKS


def test_machines_come_with_the_work_and_go_with_it(tmp_path: Path) -> None:
    """None before; one for each tagger; one while the last film runs; none at the end."""
    from tests.scale.autoscaling import autoscaling_cluster

    gate = tmp_path / "tagger" / "gate"
    tagger = tagger_in(tmp_path / "tagger", GATED_EACH)
    spec = WorkSpec(find_target(tagger), parts=str(tmp_path / "parts"))
    films_in(tmp_path / "films", 6)
    for number in range(2):
        (tmp_path / "films" / f"long-{number}.mp4").touch()
    films = films_of(sorted(map(str, (tmp_path / "films").iterdir()), reverse=True))
    results: list[FilmResult] = []
    with autoscaling_cluster(tmp_path, max_workers=3, idle_seconds=2) as address:
        with ScaleJob(spec, films, on=address, max_taggers=2) as job, ExitStack() as stack:
            assert num_machines() == 0
            work = threading.Thread(target=lambda: results.extend(job.results()))
            stack.callback(work.join)
            stack.callback(job.stop)
            work.start()
            begun = [Path(f"{gate}.long-{number}.mp4.begun") for number in range(2)]
            wait_until(lambda: all(path.exists() for path in begun))
            assert num_machines() == 2
            Path(f"{gate}.long-0.mp4").touch()
            wait_until(lambda: num_machines() == 1)
            assert work.is_alive()
            Path(f"{gate}.long-1.mp4").touch()
            work.join()
        with RayCluster(address):
            wait_until(lambda: num_machines() == 0)

    assert Counter(result.outcome for result in results) == {"done": 8}


GATED_EACH = GATED.replace("os.path.exists(gate)", "os.path.exists(begun.removesuffix('.begun'))")
"""As `GATED`, with a gate for each long film: `gate.NAME`."""


def num_machines() -> int:
    """Those that are alive and have a CPU: the head has none."""
    import ray

    nodes = ray.nodes()  # type: ignore[no-untyped-call] # Ray has hints in part
    return sum(node["Alive"] and node["Resources"].get("CPU", 0) > 0 for node in nodes)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what other processes do; the timeout of a test bounds it."""
    pause = threading.Event()
    while not is_so():
        pause.wait(0.1)
