"""Files, folders and globs of a command line -> media files."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import MissingMediaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def find_media(arguments: Iterable[str]) -> list[str]:
    """Returns the files that are meant, each once, in the order of the arguments.

    A file is taken as it is named, whatever it is. Of a folder, and of what is below it, those are
    taken whose extension is one of pictures, videos or sound; hidden ones are left out. Globs
    (`*`, `**`, `?`, `[a-z]`) are for shells that do not expand them.

    Raises:
        MissingMediaError: there is nothing of that name, or no media in it.
        PermissionError: a folder cannot be looked into: what is in it would be left out unsaid.
    """
    found: dict[str, None] = {}
    for argument in arguments:
        files = [os.path.normpath(file) for file in _files_of(argument)]
        if not files:
            raise MissingMediaError(
                f"no media in {argument}: expected files with the extensions of pictures, videos "
                "or sound; name other files one by one",
                path=argument,
            )
        found.update(dict.fromkeys(files))
    return list(found)


def _files_of(argument: str) -> list[str]:
    if os.path.isdir(argument):  # noqa: PTH112 - a Path would change the string
        return list(_media_below(argument))
    if _is_there(argument):
        return [argument]
    if not glob.has_magic(argument):
        raise MissingMediaError(f"there is no file or folder {argument}", path=argument)
    matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute ones
    if not matches:
        raise MissingMediaError(f"nothing matches {argument}", path=argument)
    files = [match for match in matches if not os.path.isdir(match)]  # noqa: PTH112 - the same
    if files:  # `**` finds folders as well, whose files it has found already
        return files
    return [file for match in matches for file in _media_below(match)]


def _is_there(path: str) -> bool:
    # not lexists(): it says no where a folder on the way may not be looked into
    try:
        os.lstat(path)
    except PermissionError:
        raise
    except (OSError, ValueError):  # ValueError: a NUL
        return False
    return True


def _media_below(folder: str) -> Iterator[str]:
    from common_ml.media.kinds import kind_by_name  # noqa: PLC0415 - loads FFmpeg

    for parent, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and kind_by_name(name) != "unknown":
                yield str(Path(parent) / name)


def _refuse(error: OSError) -> None:
    raise error
