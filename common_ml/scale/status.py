"""Progress of a job, computed from its parts alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.parts import open_parts

if TYPE_CHECKING:
    from common_ml.parts import PartKey, PartState
    from common_ml.scale.plan_file import Plan


@dataclass(frozen=True)
class ShardStatus:
    """Films of a shard by state."""

    number: int
    """From 1."""
    num_done: int
    num_failed: int
    num_missing: int
    done_share: float
    """Completed share of the expected cost, 0..1."""

    @property
    def is_complete(self) -> bool:
        """Whether each of its films has a part, or the note of a failure."""
        return not self.num_missing


def status_of(plan: Plan) -> list[ShardStatus]:
    """Return the status of each shard, from one listing of the parts."""
    states = states_of(plan)
    statuses = []
    for number, films in enumerate(plan.shards, 1):
        found = Counter(states[plan.key_of(film)] for film in films)
        total = sum(film.cost for film in films)
        ended = sum(film.cost for film in films if states[plan.key_of(film)] != "missing")
        share = ended / total if total else 1.0
        statuses.append(
            ShardStatus(number, found["done"], found["failed"], found["missing"], share)
        )
    return statuses


def states_of(plan: Plan) -> dict[PartKey, PartState]:
    """Return the state of each part, from one listing; read-only.

    Raises:
        OutputError: the parts cannot be listed.
    """
    if not has_begun(plan):
        return dict.fromkeys(plan.keys, "missing")
    return open_parts(plan.parts).states(plan.keys)


def has_begun(plan: Plan) -> bool:
    """Whether the folder of the parts exists on this machine; True for a URL."""
    return "://" in plan.parts or Path(plan.parts).exists()
