"""Read and write still images.

Names are loaded on first use: a tagger of videos only never needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # types of the names below
    from common_ml.media.images.read_ahead import (
        DEFAULT_MEMORY_BUDGET_BYTES,
        ImageReader,
        read_images,
    )
    from common_ml.media.images.reader import read_image
    from common_ml.media.images.writer import jpeg_bytes, write_image, write_png

__all__ = [
    "DEFAULT_MEMORY_BUDGET_BYTES",
    "ImageReader",
    "jpeg_bytes",
    "read_image",
    "read_images",
    "write_image",
    "write_png",
]

_HOMES = {
    "DEFAULT_MEMORY_BUDGET_BYTES": "read_ahead",
    "ImageReader": "read_ahead",
    "jpeg_bytes": "writer",
    "read_image": "reader",
    "read_images": "read_ahead",
    "write_image": "writer",
    "write_png": "writer",
}


def __getattr__(name: str) -> Any:
    """Load a name from its module."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # cached for the next use
    return value


def __dir__() -> list[str]:
    return list(__all__)
