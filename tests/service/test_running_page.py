"""docs/service_running.md names a test beside what may die: every one of them is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def test_every_test_that_is_named_is_there(repository: Path) -> None:
    page = (repository / "docs/service_running.md").read_text()
    tests = [*(repository / "tests").rglob("test_*.py")]
    source = "\n".join(path.read_text() for path in tests)
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", page))
    assert len(named) >= 12
    assert [name for name in sorted(named) if f"def {name}(" not in source] == []
