"""Files that appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replacing(target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `target` when the block is left without an error.

    With an error, what was at `target` stays as it was. Missing folders are made.
    """
    path = Path(target)
    if path.is_dir():
        raise IsADirectoryError(f"cannot write {os.fspath(path)!r}: it is a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def staging(target: str | os.PathLike[str]) -> Iterator[Path]:
    """A folder to fill whose files move into the folder `target` once the block is left well.

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
    """A new name in the same folder: from /tmp a rename might become a copy."""
    return path.parent / f".{path.name}.{uuid4().hex[:12]}.partial"
