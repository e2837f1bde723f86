"""Write files atomically: readers see the old content or the new one, never a part."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.types import StrPath


def write_whole(path: StrPath, content: bytes) -> None:
    """Write a file atomically; see `replacing`.

    Raises:
        OSError: the file cannot be written; the old one is unchanged.
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(
    target: StrPath, *, mode: int | None = None, sync: bool = False
) -> Iterator[BinaryIO]:
    """Write a file that takes the place of `target` when the block is left without an error.

    With an error, what was at `target` stays as it was. Missing folders are made, a link is
    followed, and the mode of an old file is kept. A target that is not a regular file, such as
    `/dev/stdout`, is written to.

    Args:
        target: The file to write.
        mode: Permission bits of the new file; None for those of the old file, or the usual ones.
        sync: Whether the content is on the disk before it takes the place, as after a power cut
            an empty file could be there.
    """
    path = Path(os.path.realpath(target))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(target))
    if path.exists():
        old_mode = path.stat().st_mode
        if not stat.S_ISREG(old_mode):
            with Path(target).open("wb") as file:
                yield file
            return
        mode = stat.S_IMODE(old_mode) if mode is None else mode
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        with partial.open("xb") as file:
            yield file
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def staging(target: StrPath) -> Iterator[Path]:
    """Yield a temporary folder whose files move into `target` when the block succeeds.

    Files of the same names are replaced, others in `target` stay. With an error nothing moves.
    """
    folder = Path(target)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"cannot write into {os.fspath(folder)!r}: it is no folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    stage = _beside(folder)
    stage.mkdir()
    try:
        yield stage
        _move_into(folder, stage)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _move_into(folder: Path, stage: Path) -> None:
    for staged in sorted(path for path in stage.rglob("*") if path.is_file()):
        place = folder / staged.relative_to(stage)
        place.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(place)
    folder.mkdir(exist_ok=True)


def _beside(path: Path) -> Path:
    """Return a new name in the same folder: a rename from /tmp might become a copy."""
    return path.parent / f".{uuid4().hex}.partial"
