"""Media directory of a tagger: links or copies files under unique base names, and maps back."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.runtime.private_copy import is_writable, private_copy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.types import StrPath

MAX_KEPT_COPY_BYTES = 1 << 30
"""Bytes of copies kept of finished files; beyond that the oldest ones are removed."""
_MAX_NAME_BYTES = 200
"""Of a base name, below the 255 of file systems: leaves room for a number."""


class MediaFolder:
    """Maps each file to its line for stdin, and each line back to its file.

    A runtime maps names back by their base name, so no two files of a job may share one. A file
    that is in the folder already keeps its name. Any other enters in a way that keeps the user's
    file safe from the tagger: where the folder is read-only for the tagger as a hard link; else as
    a symbolic link if the file itself is read-only; else as a copy, which shares its blocks with
    the file where the file system can. A file that does not exist gets a line as well: the tagger
    reports it.
    """

    def __init__(self, folder: Path, *, prefix: str, read_only: bool) -> None:
        """Use an existing folder.

        Args:
            folder: An existing one; its content is kept.
            prefix: What precedes a name in the folder, as the tagger sees it: `media/`.
            read_only: Whether the tagger sees the folder through a read-only mount, and cannot
                follow a symbolic link out of it.
        """
        self.folder = folder
        self._prefix = prefix
        self._read_only = read_only
        self._lines: dict[str, str] = {}  # path as sent -> line
        self._paths: dict[str, str] = {}  # line -> path as sent
        self._by_base_name: dict[str, str] = {}  # base name of a line -> path as sent
        self._numbers: dict[str, int] = {}  # base name -> the last number that was added to it
        self._brought_in: dict[str, Path] = {}  # line -> place
        self._copies: dict[str, int] = {}  # path as sent -> bytes of its copy
        self._finished: dict[str, None] = {}  # of those, oldest first
        self._lock = threading.Lock()  # one thread may send while another reads messages

    def line_of(self, path: StrPath) -> str:
        """The line for stdin that names a file; the file is in the folder afterwards.

        Raises:
            OSError: the file can be neither linked nor copied.
        """
        name = os.fspath(path)
        with self._lock:
            if name not in self._lines:
                self._note(name, self._prefix + (self._name_inside(name) or self._bring_in(name)))
            elif name in self._finished:  # sent once more
                del self._finished[name]
            return self._lines[name]

    def finish(self, path: str) -> None:
        """Record that a file has its progress or error: its copy may be removed."""
        with self._lock:
            if path in self._copies:
                self._finished[path] = None
            while self._finished and sum(self._copies.values()) > MAX_KEPT_COPY_BYTES:
                oldest = next(iter(self._finished))
                del self._finished[oldest], self._copies[oldest]
                line = self._lines.pop(oldest)  # sent once more, it gets another copy
                (self.folder / line.removeprefix(self._prefix)).unlink(missing_ok=True)

    def release(self, path: str) -> None:
        """Remove a file from the folder; its base name stays reserved."""
        with self._lock:
            line = self._lines.get(path)
            if line is None or (place := self._brought_in.pop(line, None)) is None:
                return
            place.unlink(missing_ok=True)
            del self._lines[path]
            self._paths.pop(line, None)  # its base name still leads to it
            self._copies.pop(path, None)
            self._finished.pop(path, None)

    def note_raw(self, lines: Iterable[str]) -> None:
        """Record lines that were sent unchanged: messages about them keep the name."""
        with self._lock:
            for line in lines:
                self._note(line, line)

    def path_of(self, source_media: str) -> str | None:
        """Return the path, as sent, that a message is about; None if it was never sent."""
        with self._lock:
            if source_media in self._paths:
                return self._paths[source_media]
            return self._by_base_name.get(_base_name(source_media))

    def with_paths(self, text: str, *, about: str | None) -> str:
        """Replace the tagger's file names in a text by the user's paths.

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
            return self._with_released(text)

    def _with_released(self, text: str) -> str:
        """Replace the names of files that were released, which only base names lead to."""
        before, *parts = text.split(self._prefix)
        for part in parts:
            # the longest name that ends where a name can end: it may contain all of these signs
            ends = [len(part), *(found.start() for found in re.finditer(r"[\s:,;'\"]", part))]
            names = (part[:end] for end in sorted(ends, reverse=True) if end <= _MAX_NAME_BYTES)
            name = next((name for name in names if name in self._by_base_name), None)
            if name is None:
                before += self._prefix + part
            else:
                before += self._by_base_name[name] + part[len(name) :]
        return before

    def clear(self) -> None:
        """Remove the files that were placed in the folder."""
        for place in self._brought_in.values():
            place.unlink(missing_ok=True)
        self._brought_in.clear()

    def _note(self, path: str, line: str) -> None:
        self._lines[path] = line
        self._paths[line] = path
        self._by_base_name[_base_name(line)] = path

    def _name_inside(self, path: str) -> str | None:
        """The name of a file that is in the folder, unless its base name is taken."""
        absolute = os.path.abspath(path)
        folder = f"{self.folder}{os.sep}"
        if not absolute.startswith(folder):
            return None
        name = absolute[len(folder) :]
        usable = name == _sendable(name) and _base_name(name) not in self._by_base_name
        return name if usable else None

    def _bring_in(self, path: str) -> str:
        """Link or copy a file into the folder; its new name."""
        name = self._free_name(_sendable(_base_name(path)))
        place = self.folder / name
        source = Path(os.path.realpath(path))  # a hard link to a link would be the link
        if not os.path.exists(source):
            return name  # the tagger reports that there is no such file
        if not source.is_file():
            if self._read_only:
                return name
            place.symlink_to(source)
        elif self._read_only and _hard_link(source, place):
            pass
        elif not self._read_only and not is_writable(source):
            place.symlink_to(source)
        elif private_copy(source, place) == "copy":
            self._copies[path] = place.stat().st_size
        self._brought_in[self._prefix + name] = place
        return name

    def _free_name(self, wanted: str) -> str:
        stem, suffix = os.path.splitext(wanted)
        name, number = wanted, self._numbers.get(wanted, 1)
        # not only beside other files: `a/clip.mp4` of the folder itself has a base name as well
        while name in self._by_base_name or os.path.lexists(self.folder / name):
            number += 1
            name = f"{stem}_{number}{suffix}"
        self._numbers[wanted] = number
        return name


def _sendable(name: str) -> str:
    """The name, or a similar one that fits into a line of UTF-8."""
    clean = re.sub(r"[\0-\x1f\x7f\x85\u2028\u2029]", "_", name.encode(errors="replace").decode())
    if clean != clean.strip():  # some taggers strip their lines
        clean = f"_{clean.strip()}" if not clean[:1].strip() else clean.strip()
    if len(clean.encode()) > _MAX_NAME_BYTES:
        stem, suffix = os.path.splitext(clean)
        clean = stem.encode()[: _MAX_NAME_BYTES - 20].decode(errors="ignore") + suffix[-20:]
    return clean or "_"


def _hard_link(source: Path, place: Path) -> bool:
    try:
        os.link(source, place)
    except OSError:  # another file system, another user's file, or no links here
        return False
    return True


def _base_name(path: str) -> str:
    return os.path.basename(path)
