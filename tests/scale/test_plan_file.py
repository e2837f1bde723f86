"""Plans come back as they were written, and say which parts and shards there are."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import OutputError
from common_ml.parts import PartKey, params_digest
from common_ml.scale.plan import Film
from common_ml.scale.plan_file import Plan
from tests.cli.running import common_ml
from tests.scale.made_films import films_of
from tests.scale.made_plan import FILMS, PLAN, document

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("params", [None, {}, {"fps": 2, "nested": {"a": [1, None]}}])
def test_a_plan_comes_back(tmp_path: Path, params: dict[str, Any] | None) -> None:
    films = (*FILMS, Film(os.fsdecode(b"\xff.mp4"), os.fsdecode(b"/\xff.mp4")), Film("é\n", "/é\n"))
    plan = Plan("image:1", "", params, "gs://parts", 4, films)
    plan.write(tmp_path / "new" / "plan.json")
    assert Plan.read(tmp_path / "new" / "plan.json") == plan


def test_a_plan_is_the_json_that_is_documented(tmp_path: Path) -> None:
    PLAN.write(tmp_path / "plan.json")
    content = (tmp_path / "plan.json").read_bytes()
    assert json.loads(content) == document()
    assert content.endswith(b"}\n")
    assert content.isascii()


def test_keys_of_parts_have_the_order_of_the_films() -> None:
    params = params_digest({"fps": 2})
    assert PLAN.keys == [
        PartKey("films/a.mp4", "sha256:1", params),
        PartKey("b.mp4", "sha256:1", params),
    ]
    assert PLAN.key_of(FILMS[1]) == PLAN.keys[1]


@pytest.mark.parametrize(
    ("costs", "num_shards", "balance"),
    [
        ([1.0], 1, 1.0),
        ([5.0, 5.0, 5.0, 5.0], 2, 1.0),
        ([3.0, 3.0, 2.0, 2.0, 2.0], 2, 7 / 6),  # 3 + 2 + 2 beside 3 + 2; 6 is the best
        ([100.0, 1.0], 2, 1.0),  # the longest film bounds it
        ([1.0, 1.0, 1.0], 2, 2 / 1.5),
    ],
)
def test_the_balance_is_the_largest_shard_over_what_is_possible(
    costs: list[float], num_shards: int, balance: float
) -> None:
    plan = Plan("main.py", "", None, "/p", num_shards, tuple(films_of(costs)))
    assert plan.balance == pytest.approx(balance)
    assert sum(map(len, plan.shards)) == len(costs)


def test_every_verb_refuses_a_damaged_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps({**document(), "num_shards": 0}))
    for verb in (
        ["run", "--plan", "plan.json", "--shard", "1/2"],
        ["scale", "slurm", "plan.json"],
        ["scale", "kubernetes", "plan.json", "--image", "i"],
        ["scale", "status", "plan.json"],
        ["scale", "merge", "plan.json"],
    ):
        done = common_ml(*verb, cwd=tmp_path, columns=1000)
        assert done.returncode == (3 if verb[0] == "run" else 1)
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ParamsError: plan.json is not a plan: num_shards must be ")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_plan_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shard that starts at this moment reads the earlier plan."""
    PLAN.write(tmp_path / "plan.json")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fails)
    other = Plan("other", "", None, "/p", 1, FILMS)
    with pytest.raises(OutputError, match="No space left"):
        other.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == PLAN
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
