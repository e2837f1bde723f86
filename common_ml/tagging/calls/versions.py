"""Collect the versions of Python, the system and the libraries of a tagger."""

from __future__ import annotations

import contextlib
import sys

import common_ml

_LIBRARIES = {
    "numpy": "numpy",
    "av": "av",
    "cv2": "opencv-python",
    "torch": "torch",
    "tensorflow": "tensorflow",
    "onnxruntime": "onnxruntime",
}
"""Module -> distribution whose version is reported if the module is not loaded."""
_ALWAYS = ("numpy", "av", "cv2")


def versions() -> dict[str, str]:
    """Return the versions of Python, the system, common-ml and the loaded libraries."""
    import importlib.metadata
    import platform

    found = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "common_ml": common_ml.__version__,
    }
    for module, distribution in _LIBRARIES.items():
        version = getattr(sys.modules.get(module), "__version__", None)
        if version is None and module in _ALWAYS:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                version = importlib.metadata.version(distribution)
        if version is not None:
            found[module] = str(version)
    return found
