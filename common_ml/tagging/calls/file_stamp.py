"""Detect media files that change while they are tagged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from common_ml.errors import MediaError
from common_ml.media.access import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

Stamp = tuple[int, int]
"""Size in bytes, and modification time in nanoseconds."""


def stamp_of(path: str) -> Stamp | None:
    """Return the stamp of a file; None if there is no such file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def check_unchanged(path: str, before: Stamp | None) -> None:
    """Raise if a file has changed; one that was deleted meanwhile has not.

    Raises:
        MediaError: size or modification time differ: the tags may be of an incomplete file.
    """
    now = stamp_of(path)
    if before is None or now is None or now == before:
        return
    size = f"from {before[0]} to {now[0]} bytes" if now[0] != before[0] else "its content"
    raise MediaError(
        f"{quoted(path)} changed while it was tagged ({size}); "
        "hint: send a file once it is complete",
        path=path,
    )


class FileStamps:
    """Stamps of the files that are tagged together."""

    def __init__(self, files: Iterable[str]) -> None:
        self._before = {file: stamp_of(file) for file in files}

    def check(self, file: str) -> None:
        """Raise if a file has changed.

        Raises:
            MediaError: the file has changed.
        """
        check_unchanged(file, self._before.get(file))
