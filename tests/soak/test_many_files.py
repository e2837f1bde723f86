"""Small files of all kinds in one process; `make soak` has 20,000 and looks at the memory too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.soak import many_files

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path


def test_descriptors_and_threads_do_not_grow(tmp_path: Path) -> None:
    held = many_files.held_over(tmp_path, num_files=400)
    assert not many_files.has_grown([at.descriptors for at in held])
    assert not many_files.has_grown([at.threads for at in held])
