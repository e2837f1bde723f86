"""The number of decoding workers does not show; `make soak` has ten runs of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.soak import same_bytes

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path


def test_1_2_and_4_workers_write_the_same_bytes(tmp_path: Path) -> None:
    found = same_bytes.outputs(tmp_path, num_runs=1)
    assert set(found) == {1, 2, 4}
    assert len({digest for digests in found.values() for digest in digests}) == 1
