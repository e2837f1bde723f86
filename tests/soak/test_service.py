"""Servers, workers and PostgreSQL killed for a moment; `make soak` does it at length."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.service.postgres import find_programs, running_postgres
from tests.soak.service import disturbed

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_workers_lose_and_double_nothing(tmp_path: Path) -> None:
    outcome = disturbed(tmp_path, "kill", num_files=30, num_disturbances=4, dice=random.Random(1))
    assert outcome.is_whole, outcome


def test_a_killed_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    outcome = disturbed(
        tmp_path, "kill server", num_files=30, num_disturbances=4, dice=random.Random(1)
    )
    assert outcome.is_whole, outcome


def test_a_worker_frozen_past_its_lease_doubles_nothing(tmp_path: Path) -> None:
    outcome = disturbed(tmp_path, "freeze", num_files=60, num_disturbances=1, dice=random.Random(1))
    assert outcome.is_whole, outcome


@pytest.mark.postgres
def test_a_killed_database_loses_nothing(tmp_path: Path) -> None:
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with running_postgres() as server:
        outcome = disturbed(
            tmp_path,
            "kill postgres",
            num_files=30,
            num_disturbances=2,
            dice=random.Random(1),
            postgres=server,
        )
    assert outcome.is_whole, outcome
