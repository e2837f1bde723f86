"""Reports on tags files: an HTML page of one or two, and the difference between two."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from common_ml.report.comparison import write_comparison
    from common_ml.report.difference import Difference, compare
    from common_ml.report.page import Written, write_page

__all__ = ["Difference", "Written", "compare", "write_comparison", "write_page"]

_HOMES = {
    "Difference": "common_ml.report.difference",
    "Written": "common_ml.report.page",
    "compare": "common_ml.report.difference",
    "write_comparison": "common_ml.report.comparison",
    "write_page": "common_ml.report.page",
}


def __getattr__(name: str) -> Any:
    """Load a name from its module on first use: comparing needs no media library."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
