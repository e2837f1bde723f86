"""SIGKILL at a random moment, then `resume`; `make soak` has 200 batches."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.soak.killed import Job, killed_then_resumed

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    folder = tmp_path_factory.mktemp("jobs")
    return [Job.of_made_tags(folder), Job.of_real_media(folder)]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_lost_and_nothing_doubled(jobs: list[Job], tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    assert killed_then_resumed(jobs[seed % 2], tmp_path / "tags.jsonl", dice)
