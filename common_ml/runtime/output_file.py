"""Follow the tags file of a running tagger, from its previous end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import WireError
from common_ml.tagging.tags_file.line_ends import end_of_last_line
from common_ml.tagging.wire import read_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from common_ml.tagging.messages import Message
    from common_ml.tagging.tags_file.reader import Reader
    from common_ml.types import StrPath

_POLL_SECONDS = 0.02
"""Where the system reports no changes of files."""


class OutputFile:
    """Reads the lines that a tagger appends to its output, which may have existed before."""

    def __init__(self, path: StrPath) -> None:
        """Record the current end of the file, before the tagger starts; it need not exist."""
        self.path = Path(os.path.realpath(path))
        """With links resolved: the tagger may replace them."""
        self._offset, self._old_tail = _end_of_lines(self.path)
        self._reader: Reader | None = None

    @property
    def num_lines_read(self) -> int:
        """Number of the tagger's lines read so far."""
        return 0 if self._reader is None else self._reader.line_number

    def next_message(self, *, stop: Callable[[], bool], wake_on: Sequence[int]) -> Message | None:
        """Wait for the next message; None at the end.

        Args:
            stop: Whether nothing more is written; called at the end of the file.
            wake_on: Descriptors that become readable when `stop` may have changed.

        Raises:
            OSError: the file cannot be read, or is not a regular one any more.
            WireError: a line is not a message.
        """
        if self._reader is None:
            self._reader = read_messages(
                self.path,
                follow=True,
                stop=stop,
                poll_seconds=_POLL_SECONDS,
                offset=self._offset,
                wake_on=wake_on,
                allow_links=False,
            )
        try:
            return next(self._reader, None)
        except WireError:
            if self._reader.line_number != 1 or not self._old_tail:
                raise
        # that was the rest of an incomplete line of an earlier run
        return next(self._reader, None)

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()


def _end_of_lines(path: Path) -> tuple[int, bytes]:
    """Number of bytes up to the last newline of a file, and the bytes after it."""
    if not path.is_file():
        return 0, b""
    try:
        with path.open("rb") as file:
            end = end_of_last_line(file.fileno(), os.fstat(file.fileno()).st_size)
            file.seek(end)
            return end, file.read()
    except FileNotFoundError:
        return 0, b""
