"""Capture a program's stdout or stderr in a file."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_BYTES = 4_000
_TAIL_LINES = 20
_KEPT_BYTES = 1 << 20


class Captured:
    """Captured output: a file that a program appends to; held in memory once it is removed.

    If somebody else removes the file, such as a user who tidies up logs, the text is empty.
    """

    def __init__(self, path: Path) -> None:
        """Start at the current end of the file."""
        self.path = path
        self._start = path.stat().st_size if path.exists() else 0
        self._kept: bytes | None = None
        self._kept_from = 0

    def text(self, *, last_bytes: int | None = None) -> str:
        """Return the text, or its end."""
        data = self._kept
        if data is None:
            with self._opened() as file:
                end = file.seek(0, os.SEEK_END)
                wanted = end if last_bytes is None else last_bytes
                file.seek(max(self._start, end - wanted))
                data = file.read()
        return (data if last_bytes is None else data[-last_bytes:]).decode(errors="replace")

    def since(self, offset: int) -> bytes:
        """Return the text after the first `offset` bytes, as far as it is kept."""
        if self._kept is not None:
            return self._kept[max(self._start + offset - self._kept_from, 0) :]
        with self._opened() as file:
            file.seek(self._start + offset)
            return file.read()

    def last_lines(self) -> str:
        """Return the last lines, for an error message."""
        end = self.text(last_bytes=_TAIL_BYTES)
        return "\n".join(end.rstrip().splitlines()[-_TAIL_LINES:])

    def keep(self) -> None:
        """Read the end of the file into memory, so that the file may be removed."""
        with self._opened() as file:
            self._kept_from = max(self._start, file.seek(0, os.SEEK_END) - _KEPT_BYTES)
            file.seek(self._kept_from)
            self._kept = file.read()

    def _opened(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except FileNotFoundError:
            return io.BytesIO()
