"""Plans of films that there need not be."""

from __future__ import annotations

from typing import Any

from common_ml.scale.plan import Film
from common_ml.scale.plan_file import Plan

FILMS = (Film("films/a.mp4", "/films/a.mp4", 2.5), Film("b.mp4", "s3://films/b.mp4", 1))
PLAN = Plan("/tagger/main.py", "sha256:1", {"fps": 2}, "/parts", 2, FILMS)


def document() -> dict[str, Any]:
    """A plan as JSON."""
    films = [{"name": f.name, "path": f.path, "cost": f.cost} for f in FILMS]
    return {
        "common_ml_plan": 1,
        "tagger": PLAN.tagger,
        "revision": PLAN.revision,
        "params": PLAN.params,
        "parts": PLAN.parts,
        "num_shards": PLAN.num_shards,
        "films": films,
    }


def plan_of(paths: list[str], *, parts: str = "/runs/7") -> Plan:
    """Return a plan of one shard."""
    films = tuple(Film(path, path, 1.0) for path in paths)
    return Plan("/t/main.py", "", None, parts, 1, films)
