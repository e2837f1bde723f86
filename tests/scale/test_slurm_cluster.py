"""An array job on a real SLURM: the bytes of a plain run, and submitting again resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.running import common_ml
from tests.scale import slurm_server
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(slurm_server.why_not()), reason=slurm_server.why_not() or "-"),
]


@pytest.fixture(scope="module")
def slurm() -> Iterator[slurm_server.Slurm]:
    with slurm_server.slurm() as cluster:
        yield cluster


def test_an_array_job_writes_the_bytes_of_a_plain_run(
    slurm: slurm_server.Slurm, tmp_path: Path
) -> None:
    films_in(tmp_path / "films", 12, step=1)
    tagger_in(tmp_path / "tagger", MANY_TAGS)
    common_ml("run", "tagger", "films", "-o", "plain.jsonl", cwd=tmp_path)
    common_ml("scale", "plan", "tagger", "films", "--shards", "3", "--parts", "p", cwd=tmp_path)
    common_ml("scale", "slurm", "plan.json", "-o", "job.sh", cwd=tmp_path)

    slurm.submit(tmp_path / "job.sh")

    merged = common_ml("scale", "merge", "plan.json", cwd=tmp_path)
    assert merged.returncode == 0, merged.stderr + slurm.logs
    assert (tmp_path / "tags.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()

    parts = sorted((tmp_path / "p").glob("*.jsonl"))
    before = {path: path.stat().st_ino for path in parts[1:]}
    parts[0].unlink()  # as if its task had been lost
    slurm.submit(tmp_path / "job.sh")
    assert sorted((tmp_path / "p").glob("*.jsonl")) == parts
    assert {path: path.stat().st_ino for path in parts[1:]} == before
