"""Find the files of a data set, without what systems leave beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path, PurePath

_FOLDER = "__MACOSX"
"""Folder of resource forks, in a ZIP that macOS made."""


def data_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files that match a pattern (`*.txt`, `**/*.txt`), sorted; without stray ones."""
    return sorted(_data_files(folder, pattern))


def has_data_file(folder: Path, pattern: str) -> bool:
    """Whether there is a file that matches."""
    return next(_data_files(folder, pattern), None) is not None


def _data_files(folder: Path, pattern: str) -> Iterator[Path]:
    for path in folder.glob(pattern):
        if not _is_stray(path.relative_to(folder)) and path.is_file():
            yield path


def _is_stray(path: PurePath) -> bool:
    """Whether it is a resource fork (`._a.png`) or a note of macOS."""
    return _FOLDER in path.parts or path.name.startswith("._") or path.name == ".DS_Store"
