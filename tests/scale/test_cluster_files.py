"""Plans and array jobs, from the first command to the merged tags file."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from common_ml.scale.plan_file import Plan
from common_ml.scale.status import status_of
from tests.cli.running import common_ml
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from pathlib import Path


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
