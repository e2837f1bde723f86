"""How `run` with parts finds its films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.cli.run_scaled import run_scaled
from common_ml.cli.scale_options import ScaleOptions
from tests.scale.taggers import MANY_TAGS, tagger_in

if TYPE_CHECKING:
    from pathlib import Path


class FilmsAreSoughtError(Exception):
    """Ends a run before it begins."""


@pytest.mark.parametrize(("shard", "is_limited"), [("2/3", False), (None, True)])
def test_shards_are_divided_by_all_durations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard: str | None, *, is_limited: bool
) -> None:
    """A machine that estimates what another one has probed would divide them otherwise."""
    limits: list[float | None] = []

    def find_films(_: list[str], within_seconds: float | None = None) -> None:
        limits.append(within_seconds)
        raise FilmsAreSoughtError

    monkeypatch.setattr("common_ml.scale.inputs.find_films", find_films)
    with pytest.raises(FilmsAreSoughtError):
        run_scaled(
            tagger_in(tmp_path / "tagger", MANY_TAGS),
            ["films"],
            scale=ScaleOptions(None, str(tmp_path / "parts"), shard, None, None, 1, 0, 1),
            params=None,
            output=tmp_path / "tags.jsonl",
            jobs=1,
            resume=False,
            idle_timeout=0,
            python=None,
            engine=None,
            engine_options=[],
            prepare=lambda _: None,
            keep_previous=lambda: None,
            verbose=False,
            as_json=False,
        )
    assert [limit is not None for limit in limits] == [is_limited]
