"""The media directory of a tagger: files come in under unique base names, and go back by them."""

from __future__ import annotations

import os
import re
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_NAME_BYTES = 200
"""Of a base name, below the 255 that file systems take: there is room for a number."""


class MediaFolder:
    """Gives every file a line for stdin, and every line its file.

    A runtime maps names back by their base name, so that no two files of a job may share one. A
    file that stands in the folder already goes by its own name; any other is brought in as a hard
    link, else as a symbolic link if the tagger can follow it, else as a copy. A file that does not
    exist gets a line as well: to say so is up to the tagger.
    """

    def __init__(self, folder: Path, *, prefix: str, symlinks: bool) -> None:
        """Take over a folder.

        Args:
            folder: It exists; what stands in it stays.
            prefix: What stands before a name in the folder, as the tagger sees it: `media/`.
            symlinks: Whether the tagger can follow a symbolic link out of the folder.
        """
        self.folder = folder
        self._prefix = prefix
        self._symlinks = symlinks
        self._lines: dict[str, str] = {}  # path as sent -> line
        self._paths: dict[str, str] = {}  # line -> path as sent
        self._by_base_name: dict[str, str] = {}  # base name of a line -> path as sent
        self._brought_in: list[Path] = []
        self._lock = threading.Lock()  # one thread may send while another reads messages

    def line_of(self, path: str | os.PathLike[str]) -> str:
        """The line for stdin that names a file; the file is in the folder afterwards.

        Raises:
            OSError: the file can be neither linked nor copied.
        """
        name = os.fspath(path)
        with self._lock:
            if name not in self._lines:
                self._note(name, self._prefix + (self._name_inside(name) or self._bring_in(name)))
            return self._lines[name]

    def note_raw(self, lines: Iterable[str]) -> None:
        """Know lines that were sent as they are: messages about them keep the name."""
        with self._lock:
            for line in lines:
                self._note(line, line)

    def path_of(self, source_media: str) -> str | None:
        """The path, as sent, that a message is about; None for one that was never sent."""
        with self._lock:
            if source_media in self._paths:
                return self._paths[source_media]
            return self._by_base_name.get(_base_name(source_media))

    def with_paths(self, text: str, *, about: str | None) -> str:
        """A text for the user: what the tagger calls a file becomes what the user calls it.

        Args:
            text: An error's message.
            about: The `source_media` of the error.
        """
        if self._prefix not in text:
            return text
        with self._lock:
            if about in self._paths:
                return text.replace(about, self._paths[about])
            # the longest first: `media/a.mp4` may be the start of another line
            for line in sorted(self._paths, key=len, reverse=True):
                text = text.replace(line, self._paths[line])
        return text

    def clear(self) -> None:
        """Take out again what was brought in."""
        for place in self._brought_in:
            place.unlink(missing_ok=True)
        self._brought_in.clear()

    def _note(self, path: str, line: str) -> None:
        self._lines[path] = line
        self._paths[line] = path
        self._by_base_name[_base_name(line)] = path

    def _name_inside(self, path: str) -> str | None:
        """The name of a file that stands in the folder, unless its base name is taken."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        if not absolute.is_relative_to(self.folder) or absolute == self.folder:
            return None
        name = str(absolute.relative_to(self.folder))
        usable = name == _sendable(name) and absolute.name not in self._by_base_name
        return name if usable else None

    def _bring_in(self, path: str) -> str:
        """Link or copy a file into the folder; its new name."""
        name = self._free_name(_sendable(_base_name(path)))
        place = self.folder / name
        source = Path(os.path.realpath(path))  # a hard link to a link would be the link
        if not source.exists():
            return name  # the tagger will say that there is no such file
        if not _hard_link(source, place):
            if self._symlinks:
                place.symlink_to(source)
            elif source.is_file():
                shutil.copyfile(source, place)
            else:
                return name
        self._brought_in.append(place)
        return name

    def _free_name(self, wanted: str) -> str:
        stem, suffix = os.path.splitext(wanted)  # noqa: PTH122 - of a name, not of a path
        name, number = wanted, 1
        # not only beside other files: `a/clip.mp4` of the folder itself has a base name as well
        while name in self._by_base_name or os.path.lexists(self.folder / name):
            number += 1
            name = f"{stem}_{number}{suffix}"
        return name


def _sendable(name: str) -> str:
    """The name, or one like it that can stand in a line of UTF-8."""
    clean = re.sub(r"[\0-\x1f\x7f\x85\u2028\u2029]", "_", name.encode(errors="replace").decode())
    if clean != clean.strip():  # some taggers strip their lines
        clean = f"_{clean.strip()}" if not clean[:1].strip() else clean.strip()
    if len(clean.encode()) > _LONGEST_NAME_BYTES:
        stem, suffix = os.path.splitext(clean)  # noqa: PTH122 - of a name, not of a path
        clean = stem.encode()[: _LONGEST_NAME_BYTES - 20].decode(errors="ignore") + suffix[-20:]
    return clean or "_"


def _hard_link(source: Path, place: Path) -> bool:
    if not source.is_file():
        return False
    try:
        os.link(source, place)
    except OSError:  # another file system, somebody else's file, or links are not to be had here
        return False
    return True


def _base_name(path: str) -> str:
    return os.path.basename(path)  # noqa: PTH119 - a Path would change the string
