"""common-ml: one Python method in, a running tagger container out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what the names below are; loaded at their first use
    from common_ml.tagging.messages import Tag
    from common_ml.tagging.models.av import AVModel
    from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
    from common_ml.tagging.models.tag_types import FrameTag
    from common_ml.tagging.run_helpers import catch_errors, get_params, run_default

__version__ = "1.0.0"

_HOMES = {
    "AVModel": "common_ml.tagging.models.av",
    "BatchFrameModel": "common_ml.tagging.models.frame_based",
    "FrameModel": "common_ml.tagging.models.frame_based",
    "FrameTag": "common_ml.tagging.models.tag_types",
    "Tag": "common_ml.tagging.messages",
    "catch_errors": "common_ml.tagging.run_helpers",
    "get_params": "common_ml.tagging.run_helpers",
    "run_default": "common_ml.tagging.run_helpers",
}

__all__ = [
    "AVModel",
    "BatchFrameModel",
    "FrameModel",
    "FrameTag",
    "Tag",
    "__version__",
    "catch_errors",
    "get_params",
    "run_default",
]


def __getattr__(name: str) -> Any:
    """Load a name from its home at its first use, so that `import common_ml` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
