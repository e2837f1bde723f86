"""Compact record of the received lines, kept until the daemon ends."""

from __future__ import annotations

import os

from common_ml.tagging.tags_file.compact_set import CompactMap

_RECEIVED, _FAILED, _FAILED_ONLY = range(3)


class ReceivedFiles:
    """Record every received line, and look it up by its base name."""

    def __init__(self) -> None:
        self._lines = CompactMap()
        self._folder_of = CompactMap()  # base name -> index of its folder
        self._folders: list[str] = []
        self._index_of_folder: dict[str, int] = {}

    def __contains__(self, line: str) -> bool:
        return self._lines.get(line) in (_RECEIVED, _FAILED)

    def add(self, line: str) -> None:
        """Record a line; of two with one base name, the later one is found."""
        known = self._lines.get(line)
        if known is None:
            self._lines.set(line, _RECEIVED)
        elif known == _FAILED_ONLY:
            self._lines.set(line, _FAILED)
        name = _base_name(line)
        folder = line[: len(line) - len(name)]
        index = self._index_of_folder.get(folder)
        if index is None:
            index = self._index_of_folder[folder] = len(self._folders)
            self._folders.append(folder)
        self._folder_of.set(name, index)

    def mark_failed(self, line: str) -> None:
        """Mark a file as failed, whether it was received or not."""
        self._lines.set(line, _FAILED if line in self else _FAILED_ONLY)

    def has_failed(self, line: str) -> bool:
        """Return whether a file was marked as failed."""
        return self._lines.get(line) in (_FAILED, _FAILED_ONLY)

    def find(self, path: str) -> str | None:
        """Return the received line with the base name of `path`; None if there is none."""
        name = _base_name(path)
        index = self._folder_of.get(name)
        return None if index is None else self._folders[index] + name


def _base_name(path: str) -> str:
    return os.path.basename(path)
