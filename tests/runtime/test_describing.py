"""Asking a tagger for its description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.runtime.describing import describe_tagger

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("seconds", [60, 1e9, float("inf")])
def test_the_last_line_is_the_description_however_long_one_waits(
    tmp_path: Path, seconds: float
) -> None:
    main = tmp_path / "main.py"
    main.write_text('print(\'loading\')\nprint(\'{"describe": 1, "tags": ["x"]}\')\n')

    assert describe_tagger(str(main), timeout_seconds=seconds) == {"describe": 1, "tags": ["x"]}
