"""What cannot work ends in one line, and leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from common_ml.cli.output_lock import output_lock
from common_ml.errors import TaggerError
from tests.cli.running import common_ml
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    films_in(tmp_path / "films", 3)
    tagger_in(tmp_path / "tagger", MANY_TAGS)
    return tmp_path


def error_of(folder: Path, *arguments: str) -> str:
    """Run, expect an error of one line and no new file; return the line."""
    before = names_in(folder)
    done = common_ml(
        "run", "tagger", "films", "-o", "tags.jsonl", *arguments, cwd=folder, columns=1000
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert names_in(folder) == before
    return line


def names_in(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_two_runs_into_one_output_are_refused(folder: Path) -> None:
    """The second would merge what is not complete, or remove the parts of the first."""
    with output_lock(folder / "tags.jsonl"):
        line = error_of(folder, "--parts", "parts")
    assert line == (
        "error: another run is writing tags.jsonl; hint: wait for its end, or choose another "
        "output with -o"
    )
    done = common_ml(
        "run", "tagger", "films", "-o", "tags.jsonl", "--parts", "parts", cwd=folder, columns=1000
    )
    assert "3 files" in done.stderr
    assert not (folder / ".tags.jsonl.lock").exists()


@pytest.mark.cluster
@pytest.mark.parametrize("address", ["ray:127.0.0.1:1", "ray://127.0.0.1:1", "ray://auto"])
def test_no_cluster_at_an_address(
    folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor at the one that this machine belonged to."""
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    line = error_of(folder, "--on", address, "--parts", "parts")
    assert line.startswith(f"error: no Ray cluster at {address}: Connection refused; hint: ray:")


@pytest.mark.cluster
def test_no_machine_has_so_many_gpus(folder: Path) -> None:
    pytest.importorskip("ray")
    line = error_of(folder, "--on", "ray", "--gpus-per-tagger", "1000")
    assert line.startswith("error: no machine of the cluster has 1 CPU and 1000 GPU for a tagger, ")
    assert line.endswith("; hint: smaller --cpus-per-tagger or --gpus-per-tagger")


def test_a_cluster_of_another_version_says_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of Ray, which takes several lines for them."""
    ray = pytest.importorskip("ray")
    from common_ml.runtime.ray_cluster import RayCluster

    def init(**_: Any) -> None:
        raise RuntimeError(
            "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
            "This process on node 127.0.0.2 was started with:\n    Ray: 2.41.0\n"
        )

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr("common_ml.runtime.ray_cluster.require_listener", lambda _: None)
    with pytest.raises(TaggerError) as caught, RayCluster("ray://auto"):
        pass
    assert str(caught.value) == (
        "the Ray cluster at ray://auto has other versions than this program: Version mismatch: The "
        "cluster was started with: Ray: 2.60.0 Python: 3.11.7 This process on node 127.0.0.2 was "
        "started with: Ray: 2.41.0; hint: install the cluster's versions of Python and Ray here"
    )
