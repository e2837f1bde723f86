"""Workers as Ray actors: a node is killed under load, and every prediction ends once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from common_ml.service.clock import SystemClock
from common_ml.service.core import open_core
from common_ml.service.db.schema import prediction
from common_ml.service.operations import predictions, workers
from common_ml.service.settings import ServiceLimits, Settings
from tests.runtime.programs import program
from tests.scale.ray_marks import LOOPBACK, RAY_MARKS
from tests.service.cores import add_file, ask, make_user
from tests.service.taggers import WORDS, words_spec
from tests.service.worker.test_worker import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("ray")
pytestmark = RAY_MARKS
STORE_BYTES = 80 << 20


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head without room for workers, and two machines of one CPU."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "node_ip_address": LOOPBACK,
            "object_store_memory": STORE_BYTES,
            "_system_config": {
                "health_check_initial_delay_ms": 500,
                "health_check_period_ms": 500,
                "health_check_failure_threshold": 3,
            },
        },
    )
    for _ in range(2):
        made.add_node(num_cpus=1, node_ip_address=LOOPBACK, object_store_memory=STORE_BYTES)
    yield made
    made.shutdown()  # type: ignore[no-untyped-call] # Ray has hints in part


def test_a_node_is_killed_under_load_and_every_prediction_ends_once(
    cluster: Any, tmp_path: Path
) -> None:
    from common_ml.runtime.ray_cluster import RayCluster
    from common_ml.service.worker.ray_workers import PoolOptions, RayWorkers

    limits = ServiceLimits(lease_seconds=6, renew_seconds=0.5, retry_seconds=0.01, max_attempts=10)
    settings = Settings(tmp_path / "data", limits=limits)
    stop = threading.Event()
    with open_core(settings, clock=SystemClock()) as core, RayCluster(f"ray:{cluster.address}"):
        ann = make_user(core, "ann")
        pool = RayWorkers(
            core,
            [words_spec(tmp_path)],
            PoolOptions(max_workers=2, idle_seconds=0.5, grace_seconds=2),
        )
        thread = threading.Thread(target=pool.run, args=[stop])
        thread.start()
        try:
            wait_until(lambda: is_offered(core))
            held = [
                ask(core, ann, add_file(core, ann, f"wait {n}".encode(), "a").sha256, model="words")
                for n in range(2)
            ]
            for numbers in held:
                wait_for(core, ann, numbers, "running")
            numbers = [
                number
                for place in range(20)
                for number in ask(
                    core,
                    ann,
                    add_file(core, ann, f"word {place}".encode(), f"{place}.png").sha256,
                    model="words",
                )
            ]
            # the first worker that is there may have taken both: the other machine has none then
            lost = owner(core, held[0][0])
            assert lost is not None
            cluster.remove_node(node_of(cluster, lost), allow_graceful=False)
            cluster.add_node(num_cpus=1, node_ip_address=LOOPBACK, object_store_memory=STORE_BYTES)
            # what the lost machine had goes to another worker: its lease is over, or given back
            wait_until(lambda: owner(core, held[0][0]) not in (lost, None))
            for of_one in held:
                predictions.cancel(core, ann, of_one)
            assert wait_for(core, ann, numbers) == ["done"] * 20
            # the workers let go of what was cancelled
            wait_until(lambda: states(core) == {"done": 20, "cancelled": 2})
            wait_until(lambda: pool.num_workers == 0)  # nothing to do: machines may go
        finally:
            stop.set()
            thread.join()
        assert [one.id for one in workers.find_all(core)] == []


def test_a_server_runs_its_workers_on_ray(tmp_path: Path) -> None:
    tagger = program(tmp_path / "words", WORDS).parent
    arguments = ["serve", str(tagger), "--data", "data", "--port", "0", "--on", "ray"]
    with subprocess.Popen(
        [sys.executable, "-m", "common_ml", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("serving at http://127.0.0.1:")
            with open_core(Settings(tmp_path / "data"), clock=SystemClock()) as core:
                wait_until(lambda: is_offered(core))
                ann = make_user(core, "ann")
                numbers = ask(
                    core, ann, add_file(core, ann, b"one two", "a.png").sha256, model="words"
                )
                assert wait_for(core, ann, numbers) == ["done"]
        finally:
            server.terminate()
            server.communicate()


def states(core: Any) -> Counter[str]:
    """The states of all predictions; each that is done has the part that counts."""
    wanted = select(prediction.c.state, prediction.c.part)
    rows = core.database.read(lambda connection: connection.execute(wanted).all())
    assert all(part is not None for state, part in rows if state == "done")
    return Counter(state for state, _ in rows)


def is_offered(core: Any) -> bool:
    from common_ml.service.operations import models

    return any(model.name == "words" for model in models.find_all(core))


def owner(core: Any, number: int) -> str | None:
    """The id of the worker that has a prediction; None while it is queued."""
    wanted = select(prediction.c.owner).where(prediction.c.id == number)
    found = core.database.read(lambda connection: connection.execute(wanted).scalar_one())
    return None if found is None else str(found)


def node_of(cluster: Any, worker: str) -> Any:
    """The machine of a worker: the one whose raylet has started its process."""
    pid = int(worker.rsplit(":", 3)[1])
    stat = Path(f"/proc/{pid}/stat").read_text()
    raylet = int(stat.rpartition(")")[2].split()[1])
    (node,) = (
        node
        for node in cluster.worker_nodes
        if node.all_processes["raylet"][0].process.pid == raylet
    )
    return node


def wait_until(is_true: Any) -> None:
    """Wait for what other processes write to the database."""
    while not is_true():
        time.sleep(0.1)
