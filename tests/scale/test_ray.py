"""Ray: the bytes of a plain run, and what dies in the middle. Real clusters on this machine."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.parts import FolderParts, open_parts
from common_ml.runtime.targets import find_target
from common_ml.scale import ScaleJob
from common_ml.scale.film_worker import WorkSpec
from common_ml.scale.probing import films_of
from tests.cli.running import COMMAND, common_ml
from tests.scale.ray_marks import LOOPBACK, RAY_MARKS
from tests.scale.taggers import GATED, KILLS, MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.scale.pool import FilmResult

pytest.importorskip("ray")
pytestmark = RAY_MARKS


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three machines of one CPU each, on loopback; the head runs no tagger."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "node_ip_address": LOOPBACK,
            "object_store_memory": 80 << 20,
            "_system_config": {  # a node that is gone is noticed within two seconds
                "health_check_initial_delay_ms": 500,
                "health_check_period_ms": 500,
                "health_check_failure_threshold": 3,
            },
        },
    )
    yield made
    made.shutdown()  # type: ignore[no-untyped-call] # Ray has hints in part


@pytest.fixture
def nodes(cluster: Any) -> Iterator[list[Any]]:
    added = [
        cluster.add_node(num_cpus=1, node_ip_address=LOOPBACK, object_store_memory=80 << 20)
        for _ in range(2)
    ]
    cluster.wait_for_nodes()
    yield added
    for node in added:
        if node in cluster.worker_nodes:
            cluster.remove_node(node, allow_graceful=True)


def spec_of(folder: Path, body: str) -> WorkSpec:
    tagger = tagger_in(folder / "tagger", body)
    return WorkSpec(find_target(tagger), parts=str(folder / "parts"))


def outcomes(results: list[FilmResult]) -> dict[str, str]:
    return {os.path.basename(result.film.name): result.outcome for result in results}


def parts_of(spec: WorkSpec) -> list[str]:
    """The films of all parts, from their messages: a film twice would be there twice."""
    return sorted(
        os.path.basename(line.split('"source_media":"')[1].split('"')[0])
        for part in Path(spec.parts).glob("*.jsonl")
        for line in part.read_text().splitlines()
        if '"progress"' in line
    )


def test_a_local_cluster_writes_the_bytes_of_a_plain_run(tmp_path: Path) -> None:
    films_in(tmp_path / "films", 40)
    tagger_in(tmp_path / "tagger", f"print('weights: 3', file=sys.stderr)\n{MANY_TAGS}")
    plain = common_ml("run", "tagger", "films", "-o", "plain.jsonl", cwd=tmp_path)
    on_ray = common_ml(
        "run", "tagger", "films", "-o", "ray.jsonl", "--on", "ray", "--max-taggers", "2",
        cwd=tmp_path,
    )  # fmt: skip

    assert on_ray.returncode == plain.returncode == 1
    assert "38 files tagged, 2 failed" in on_ray.stderr
    assert set((tmp_path / "ray.log").read_text().splitlines()) == {"weights: 3"}
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()


def test_an_actor_that_is_killed_is_replaced(
    cluster: Any,
    nodes: list[Any],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The film that kills it each time is an error after three tries; nothing is doubled."""
    caplog.set_level(logging.DEBUG, logger="common_ml.runtime.ray_cluster")
    spec = spec_of(tmp_path, KILLS)
    names = films_in(tmp_path / "films", 12)
    poison = tmp_path / "films" / "worker-poison.mp4"
    poison.touch()
    films = films_of([*names, str(poison)])
    with ScaleJob(spec, films, on=f"ray:{cluster.address}", max_taggers=2) as job:
        results = list(job.results())

    found = outcomes(results)
    assert len(results) == len(found) == 13
    assert found.pop("worker-poison.mp4") == "died"
    assert set(found.values()) == {"done"}
    assert parts_of(spec) == sorted(map(os.path.basename, names))
    (error,) = [
        message
        for film in films
        if film.name == str(poison)
        for message in open_parts(spec.parts).read(spec.key_of(film))
    ]
    assert "ActorDiedError" in str(error)
    assert "A worker died or was killed" in caplog.text
    assert capfd.readouterr().out == ""  # where Ray itself prints that


def test_a_node_that_is_lost_costs_only_the_film_in_hand(
    cluster: Any, nodes: list[Any], tmp_path: Path
) -> None:
    spec = spec_of(tmp_path, GATED)
    names = films_in(tmp_path / "films", 20)
    long = [tmp_path / "films" / f"long-{number}.mp4" for number in range(2)]
    for path in long:
        path.touch()
    films = films_of([*map(str, long), *names])
    tagger = tmp_path / "tagger"
    begun = [tagger / f"gate.{path.name}.begun" for path in long]
    results: list[FilmResult] = []
    with ScaleJob(spec, films, on=f"ray:{cluster.address}", max_taggers=2) as job:
        work = threading.Thread(target=lambda: results.extend(job.results()))
        work.start()
        wait_for(*begun)  # a long film on each node
        cluster.remove_node(nodes[0], allow_graceful=False)
        cluster.add_node(num_cpus=1, node_ip_address=LOOPBACK, object_store_memory=80 << 20)
        (tagger / "gate").touch()
        work.join(120)

    assert Counter(outcomes(results).values()) == {"done": 22}
    assert parts_of(spec) == sorted(os.path.basename(film.name) for film in films)


def test_a_driver_that_is_killed_is_continued(tmp_path: Path) -> None:
    """No tagger outlives it, and what has a part is not tagged again."""
    names = films_in(tmp_path / "films", 10)
    (tmp_path / "films" / "long.mp4").touch()
    tagger_in(tmp_path / "tagger", GATED)
    arguments = ["run", "tagger", "films", "-o", "tags.jsonl", "--on", "ray", "--max-taggers", "2"]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as driver:  # fmt: skip
        wait_for(tmp_path / "tagger" / "gate.long.mp4.begun")
        parts = FolderParts(tmp_path / "tags.parts")
        pid = int((tmp_path / "tagger" / "gate.long.mp4.begun").read_text())
        descriptor = os.pidfd_open(pid)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    assert ends(descriptor, within_seconds=60)
    before = {path.name: path.stat().st_ino for path in parts.folder.glob("*.jsonl")}

    (tmp_path / "tagger" / "gate").touch()
    done = common_ml(*arguments, "--resume", "--parts", "tags.parts", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "done before" in done.stderr or not before
    after = {path.name: path.stat().st_ino for path in parts.folder.glob("*.jsonl")}
    assert before.items() <= after.items()
    assert len(after) == len(names) + 1


def ends(descriptor: int, *, within_seconds: float) -> bool:
    import select

    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    try:
        return bool(poller.poll(within_seconds * 1000))
    finally:
        os.close(descriptor)


def wait_for(*paths: Path) -> None:
    """Wait until files exist: another machine's processes make them."""
    pause = threading.Event()
    while not all(path.exists() for path in paths):
        pause.wait(0.05)


def test_ray_is_imported_only_where_it_is_used() -> None:
    code = "import sys, common_ml.scale.job, common_ml.cli.app; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
