"""Links between the documents lead somewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.reader import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = sorted(REPOSITORY.glob("*.md"))
DOCUMENTS += sorted((REPOSITORY / "docs").rglob("*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        path = document.parent / file if file else document
        assert path.exists(), f"{document.name}: {target}"
        assert not anchor or anchor in anchors_of(path), f"{document.name}: {target}"


def anchors_of(document: Path) -> set[str]:
    """The anchors that a page gives its headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
