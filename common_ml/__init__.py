"""common-ml: one Python method in, a running tagger container out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what the names below are; loaded at their first use
    from common_ml.report.inline import show
    from common_ml.runtime.tagged_files import tag_files
    from common_ml.tagging.messages import Tag
    from common_ml.tagging.models.audio import AudioModel
    from common_ml.tagging.models.av import AVModel
    from common_ml.tagging.models.clip import ClipModel
    from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
    from common_ml.tagging.models.frame_context import FrameContext
    from common_ml.tagging.models.tag_types import FrameTag
    from common_ml.tagging.run_helpers import catch_errors, get_params, run_default
    from common_ml.tagging.run_shape import merge_runs
    from common_ml.tagging.track_boxes import track_boxes
    from common_ml.utils.device import best_device
    from common_ml.utils.weights import cached_weights

__version__ = "1.0.0"

_HOMES = {
    "AVModel": "common_ml.tagging.models.av",
    "AudioModel": "common_ml.tagging.models.audio",
    "BatchFrameModel": "common_ml.tagging.models.frame_based",
    "ClipModel": "common_ml.tagging.models.clip",
    "FrameContext": "common_ml.tagging.models.frame_context",
    "FrameModel": "common_ml.tagging.models.frame_based",
    "FrameTag": "common_ml.tagging.models.tag_types",
    "Tag": "common_ml.tagging.messages",
    "best_device": "common_ml.utils.device",
    "cached_weights": "common_ml.utils.weights",
    "catch_errors": "common_ml.tagging.run_helpers",
    "get_params": "common_ml.tagging.run_helpers",
    "merge_runs": "common_ml.tagging.run_shape",
    "run_default": "common_ml.tagging.run_helpers",
    "show": "common_ml.report.inline",
    "tag_files": "common_ml.runtime.tagged_files",
    "track_boxes": "common_ml.tagging.track_boxes",
}

__all__ = [
    "AVModel",
    "AudioModel",
    "BatchFrameModel",
    "ClipModel",
    "FrameContext",
    "FrameModel",
    "FrameTag",
    "Tag",
    "__version__",
    "best_device",
    "cached_weights",
    "catch_errors",
    "get_params",
    "merge_runs",
    "run_default",
    "show",
    "tag_files",
    "track_boxes",
]


def __getattr__(name: str) -> Any:
    """Load a name from its home at its first use, so that `import common_ml` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
