"""Tags as data: records, datasets to query and train on, outside formats."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Annotation": "common_ml.data.record",
    "Box": "common_ml.data.record",
    "Dataset": "common_ml.data.dataset",
    "Mask": "common_ml.data.record",
    "Record": "common_ml.data.record",
    "Report": "common_ml.data.report",
    "Sample": "common_ml.data.sample",
    "Skipped": "common_ml.data.report",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - names, every one


def __getattr__(name: str) -> Any:
    """Load a name from its module on first use, so that `import common_ml.data` stays fast."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
