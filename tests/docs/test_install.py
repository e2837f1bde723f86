"""Documents install from a clone: the index has another project of the name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md")])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_document_installs_by_name(path: Path) -> None:
    found = re.findall(r"pip install [^\n`]*?(?<![\w./-])common[-_]ml\b[^\n]*", path.read_text())
    assert [line for line in found if ".whl" not in line] == []
