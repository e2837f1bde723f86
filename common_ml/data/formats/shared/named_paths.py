"""Whether there is a file or folder of a name that an annotation file gives: any text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def is_file(path: Path) -> bool:
    """Return whether there is a file; False for an impossible name, which may be too long."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Return whether there is a folder; False for an impossible name, as `is_file`."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
