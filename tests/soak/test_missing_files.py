"""Missing files sent at once; `make soak` has 100,000."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.soak import missing_files

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path


def test_each_ends_in_its_own_error_and_the_time_stays_the_same(tmp_path: Path) -> None:
    looks = missing_files.failed_over(tmp_path, num_files=4000, num_looks=4)
    quarters = [b.cpu_seconds - a.cpu_seconds for a, b in itertools.pairwise(looks)]
    assert max(quarters) < 3 * min(quarters)
