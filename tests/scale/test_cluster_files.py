"""Plans, array jobs and Indexed Jobs: what is written, and that it works."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.scale.kubernetes import KubernetesOptions, kubernetes_manifest, manifest_text
from common_ml.scale.plan_file import Plan
from common_ml.scale.slurm import SlurmOptions, slurm_script
from common_ml.scale.status import status_of
from tests.cli.running import common_ml
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from pathlib import Path

FULL = KubernetesOptions(
    "images.example/my-tagger:1.0",
    namespace="films",
    cpus_per_tagger=0.5,
    gpus_per_tagger=1,
    volume_claim="films",
    environment_from=("bucket",),
    node_selector={"gpu": "a10"},
)


@pytest.mark.parametrize("options", [KubernetesOptions("my-tagger"), FULL])
@pytest.mark.parametrize("version", ["1.31", "1.33"])
def test_the_manifest_is_valid(options: KubernetesOptions, version: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    manifest = json.loads(manifest_text(kubernetes_manifest("/data/plan.json", 50, options)))

    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_manifest_says_what_an_index_does() -> None:
    manifest = kubernetes_manifest("/data/plan.json", 5, FULL)
    spec: dict[str, Any] = manifest["spec"]

    assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (5, 5, "Indexed")
    assert spec["backoffLimitPerIndex"] == 2
    container = spec["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    # as the pod's shell takes it
    command = container["args"][0].replace("exec python3", "echo")
    done = subprocess.run(
        [*container["command"], command],
        env={"JOB_COMPLETION_INDEX": "4", **{v["name"]: v["value"] for v in container["env"]}},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "-m common_ml run main.py --plan /data/plan.json --shard 5/5\n"


def test_names_that_kubernetes_refuses_are_refused() -> None:
    with pytest.raises(ValueError, match="invalid name 'My_Job'"):
        kubernetes_manifest("/plan.json", 1, KubernetesOptions("image", name="My_Job"))


def test_the_array_job_names_what_was_asked_for() -> None:
    options = SlurmOptions(4, 1, "8G", "12:00:00", "gpu", 20, ("--account=vision",))
    script = slurm_script("/shared/a plan.json", 50, options, python="/opt/python")

    for line in (
        "--array=1-50%20", "--cpus-per-task=4", "--gpus-per-task=1", "--mem=8G",
        "--time=12:00:00", "--partition=gpu", "--account=vision", "--requeue",
    ):  # fmt: skip
        assert f"#SBATCH {line}\n" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_a_plan_is_worked_off_in_shards_and_merged(tmp_path: Path) -> None:
    """By the batch script, run as SLURM would, and in any order; status tells how far it is."""
    films_in(tmp_path / "films", 12, step=1)
    tagger_in(tmp_path / "tagger", MANY_TAGS)
    common_ml("run", "tagger", "films", "-o", "plain.jsonl", cwd=tmp_path)
    planned = common_ml(
        "scale", "plan", "tagger", "films", "--shards", "2", "--parts", "parts", cwd=tmp_path
    )
    assert "12 films" in planned.stderr, planned.stderr
    common_ml("scale", "slurm", "plan.json", "-o", "job.sh", cwd=tmp_path)

    early = common_ml("scale", "merge", "plan.json", cwd=tmp_path, columns=200)
    assert early.returncode == 1
    assert "parts does not exist: no shard has begun" in early.stderr
    run_task(tmp_path, 2)
    early = common_ml("scale", "merge", "plan.json", cwd=tmp_path, columns=200)
    assert early.returncode == 1
    assert "6 films of 12 have no part yet" in early.stderr
    half = common_ml("scale", "status", "plan.json", "--json", cwd=tmp_path)
    assert half.returncode == 1
    assert [shard["num_done"] for shard in json.loads(half.stdout)] == [0, 6]
    run_task(tmp_path, 1)

    assert all(found.is_complete for found in status_of(Plan.read(tmp_path / "plan.json")))
    status = common_ml("scale", "status", "plan.json", cwd=tmp_path)
    assert status.returncode == 0
    assert "12 of 12 films done" in status.stdout
    merged = common_ml("scale", "merge", "plan.json", cwd=tmp_path)
    assert merged.returncode == 0, merged.stderr
    assert (tmp_path / "tags.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()


def run_task(folder: Path, number: int) -> None:
    """Run one task of the array job."""
    done = subprocess.run(
        ["bash", str(folder / "job.sh")],
        env={"SLURM_ARRAY_TASK_ID": str(number), "PATH": "/usr/bin:/bin"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
