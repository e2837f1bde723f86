"""A reader that looks at the growing output without pause; `make soak` has 200,000 tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.soak import growing

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path

NUM_TAGS = 5000


def test_ours_gets_every_tag_whole_and_in_order(tmp_path: Path) -> None:
    growing.read(tmp_path / "tags.jsonl", NUM_TAGS)


def test_one_that_passes_over_torn_lines_loses_none_of_a_page(tmp_path: Path) -> None:
    looks = growing.look_at(tmp_path / "tags.jsonl", NUM_TAGS)
    assert looks.num_looks > 0
    assert looks.lost_short == 0
