"""JavaScript packages that tests load into pages; `.ci/check-js.sh` installs them."""

from __future__ import annotations

from pathlib import Path

from tests.requirements import lacking

PACKAGES = Path(__file__).resolve().parents[3] / ".ci" / "js" / "node_modules"


def source_of(path: str) -> str:
    """The text of a package's file, such as "axe-core/axe.min.js"."""
    file = PACKAGES / path
    if not file.exists():
        lacking("browser", f"{path} is not installed: .ci/check-js.sh")
    return file.read_text("utf-8")
