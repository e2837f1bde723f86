"""How far a job is, by what is in the folder of its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.parts import FolderParts, PartKey
from common_ml.scale.plan_file import Plan
from common_ml.scale.status import ShardStatus, has_begun, states_of, status_of
from common_ml.tagging.messages import Error
from tests.parts.made_messages import messages_of
from tests.scale.made_films import films_of

if TYPE_CHECKING:
    from pathlib import Path


def plan_in(folder: Path, *costs: float, num_shards: int = 2) -> Plan:
    return Plan("main.py", "1", {"a": 1}, str(folder / "p"), num_shards, tuple(films_of(costs)))


def test_before_a_shard_has_begun_all_is_missing_and_nothing_is_made(tmp_path: Path) -> None:
    plan = plan_in(tmp_path, 5.0, 3.0, 2.0)
    assert not has_begun(plan)
    assert status_of(plan) == [ShardStatus(1, 0, 0, 1, 0.0), ShardStatus(2, 0, 0, 2, 0.0)]
    assert list(states_of(plan)) == plan.keys
    assert list(tmp_path.iterdir()) == []


def test_each_shard_is_done_by_the_share_of_its_cost(tmp_path: Path) -> None:
    """5 seconds in one shard; 3, of which a film has failed, and 1 in the other."""
    plan = plan_in(tmp_path, 5.0, 3.0, 1.0)
    parts = FolderParts(plan.parts)
    parts.commit(plan.keys[1], [Error("too dark", "1.mp4")])
    first, second = status_of(plan)
    assert first == ShardStatus(1, 0, 0, 1, 0.0)
    assert second == ShardStatus(2, 0, 1, 1, 0.75)
    assert not second.is_complete

    parts.commit(plan.keys[2], messages_of("2.mp4"))
    parts.commit(plan.keys[0], messages_of("0.mp4"))
    assert status_of(plan) == [ShardStatus(1, 1, 0, 0, 1.0), ShardStatus(2, 1, 1, 0, 1.0)]
    assert all(found.is_complete for found in status_of(plan))
    assert list(states_of(plan).values()) == ["done", "failed", "done"]


def test_a_shard_without_films_is_complete(tmp_path: Path) -> None:
    *_, last = status_of(plan_in(tmp_path, 5.0, num_shards=3))
    assert last == ShardStatus(3, 0, 0, 0, 1.0)
    assert last.is_complete


@pytest.mark.parametrize(
    "key", [PartKey("0.mp4"), PartKey("0.mp4", revision="2"), PartKey("/0.mp4", revision="1")]
)
def test_parts_of_another_tagger_or_of_other_params_do_not_count(
    tmp_path: Path, key: PartKey
) -> None:
    plan = plan_in(tmp_path, 5.0, num_shards=1)
    FolderParts(plan.parts).commit(key, messages_of("0.mp4"))
    assert has_begun(plan)
    assert status_of(plan) == [ShardStatus(1, 0, 0, 1, 0.0)]


def test_parts_at_a_url_are_always_looked_up() -> None:
    assert has_begun(Plan("main.py", "", None, "s3://bucket/run", 1, ()))
