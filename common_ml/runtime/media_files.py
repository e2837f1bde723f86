"""Expand files, folders and globs to media files."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import MissingMediaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def find_media(arguments: Iterable[str], *, must_exist: bool = True) -> list[str]:
    """Return the files, each once, in the order of the arguments.

    A file is accepted whatever its content. Of a folder and its subfolders those files are
    accepted whose extension is one of pictures, videos or sound, except hidden ones. Globs (`*`,
    `**`, `?`, `[a-z]`) are for shells that do not expand them.

    Args:
        arguments: Files, folders and globs.
        must_exist: Whether a missing file is an error; otherwise its name is returned unchanged,
            for the tagger to report.

    Raises:
        MissingMediaError: no such file or folder, or no media in it.
        PermissionError: a folder cannot be read: its files would be omitted silently.
    """
    found: dict[str, None] = {}
    for argument in arguments:
        files = [os.path.normpath(file) for file in _files_of(argument, must_exist=must_exist)]
        if not files:
            raise MissingMediaError(
                f"no media in {argument}: expected files with extensions of pictures, videos "
                "or sound; hint: name other files one by one",
                path=argument,
            )
        found.update(dict.fromkeys(files))
    return list(found)


def _files_of(argument: str, *, must_exist: bool) -> list[str]:
    if os.path.isdir(argument):
        return list(_media_below(argument))
    if _is_there(argument):
        return [argument]
    if not glob.has_magic(argument):
        if not must_exist:
            return [argument]
        raise MissingMediaError(f"no such file or folder: {argument}", path=argument)
    matches = sorted(glob.glob(argument, recursive=True))
    if not matches:
        raise MissingMediaError(f"nothing matches {argument}", path=argument)
    files = [match for match in matches if not os.path.isdir(match)]
    if files:  # `**` matches folders, too, and their files
        return files
    return [file for match in matches for file in _media_below(match)]


def _is_there(path: str) -> bool:
    # not lexists(): it is False where a parent folder may not be read
    try:
        os.lstat(path)
    except PermissionError:
        raise
    except (OSError, ValueError):  # ValueError: a NUL
        return False
    return True


def _media_below(folder: str) -> Iterator[str]:
    from common_ml.media.kinds import kind_by_name

    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and kind_by_name(name) != "unknown":
                yield str(Path(parent) / name)


def _refuse(error: OSError) -> None:
    raise error
