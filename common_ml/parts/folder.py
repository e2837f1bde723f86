"""Parts in a folder, also one that many machines share."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import OutputError
from common_ml.parts.store import (
    FAILED_SUFFIX,
    SUFFIX,
    WRITING_PREFIX,
    WRITING_SUFFIX,
    PartsStore,
    _LocalFile,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.parts.keys import PartKey
    from common_ml.parts.store import PartState
    from common_ml.types import StrPath

WRITING_FOLDER = ".writing"
_MAX_WRITING_SECONDS = 7 * 24 * 3600
"""After which an incomplete part counts as left behind."""


class FolderParts(PartsStore):
    """Parts as files of one folder.

    A part is written beside its final place and linked there: link(2) fails if the name is taken,
    also over NFS, and a name never stands for an incomplete file.
    """

    def __init__(self, folder: StrPath) -> None:
        """Create the folder if it does not exist.

        Raises:
            OutputError: it cannot be created.
        """
        self.folder = Path(folder)
        try:
            (self.folder / WRITING_FOLDER).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"the folder of parts {self.folder} cannot be created: {error.strerror}",
                path=self.folder,
            ) from error

    @property
    def address(self) -> str:
        """The folder."""
        return str(self.folder)

    def has(self, key: PartKey) -> bool:
        """Whether the part is there."""
        return (self.folder / (key.name + SUFFIX)).exists()

    def states(self, keys: Iterable[PartKey]) -> dict[PartKey, PartState]:
        """Return the state of each part, from one listing."""
        names = {entry.name for entry in os.scandir(self.folder)}
        return {key: _state(key, names) for key in keys}

    def path(self, key: PartKey) -> Path:
        """The file of a part, or of the note of a failure; of the part if neither is there."""
        part, note = (self.folder / (key.name + suffix) for suffix in (SUFFIX, FAILED_SUFFIX))
        return note if not part.exists() and note.exists() else part

    def delete(self, key: PartKey) -> None:
        """Delete a part and the note of a failure, if they are there."""
        for suffix in (SUFFIX, FAILED_SUFFIX):
            (self.folder / (key.name + suffix)).unlink(missing_ok=True)

    def clean_up(self) -> int:
        """Remove incomplete parts not modified for a week; return their number."""
        num_removed = 0
        for path in (self.folder / WRITING_FOLDER).glob(f"{WRITING_PREFIX}*{WRITING_SUFFIX}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _MAX_WRITING_SECONDS:
                    path.unlink()
                    num_removed += 1
        return num_removed

    def _writing_folder(self) -> Path:
        return self.folder / WRITING_FOLDER  # links do not leave a file system

    def _local_file(self, key: PartKey) -> _LocalFile:
        return _LocalFile(self.path(key), is_copy=False)

    def _create(self, name: str, path: Path) -> bool:
        place = self.folder / name
        try:
            os.link(path, place)
        except FileExistsError:
            # over NFS an answer may be lost: the first request succeeded, and its repetition fails
            if not os.path.samefile(path, place):  # noqa: PTH121 - two paths
                return False
        except OSError as error:
            if error.errno in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                error.strerror = (
                    "the file system has no hard links; hint: choose another folder for the parts"
                )
            raise
        self._sync()
        note = name.removesuffix(SUFFIX) + FAILED_SUFFIX  # of an earlier attempt
        (self.folder / note).unlink(missing_ok=True)
        return True

    def _replace(self, name: str, path: Path) -> None:
        path.replace(self.folder / name)
        self._sync()

    def _sync(self) -> None:
        """Let the names survive a power cut."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _state(key: PartKey, names: set[str]) -> PartState:
    if key.name + SUFFIX in names:
        return "done"
    return "failed" if key.name + FAILED_SUFFIX in names else "missing"
