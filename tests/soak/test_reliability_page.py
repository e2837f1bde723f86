"""docs/reliability.md names a test beside each promise: every one of them has to be there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def test_every_test_that_is_named_is_there(repository: Path) -> None:
    page = (repository / "docs/reliability.md").read_text()
    tests = {path: path.read_text() for path in (repository / "tests").rglob("test_*.py")}
    source = "\n".join(tests.values())
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", page))
    assert len(named) > 40
    assert [name for name in sorted(named) if f"def {name}(" not in source] == []
    files = set(re.findall(r"`((?:tests/)?[a-z_/]*test_[a-z0-9_]+\.py)`", page))
    there = {str(path.relative_to(repository)) for path in tests}
    assert [f for f in sorted(files) if not {f, f"tests/tagging/{f}"} & there] == []
