"""Read the messages of a tags file, complete or growing."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import WireError
from common_ml.tagging.tags_file import codec
from common_ml.tagging.tags_file.changes import FileChanges

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath

CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 26
"""Maximum length of a line; longer ones are rejected and not kept in memory."""
logger = logging.getLogger(__name__)


def read_messages(
    path: StrPath,
    *,
    follow: bool = False,
    stop: threading.Event | Callable[[], bool] | None = None,
    poll_seconds: float = 0.05,
    offset: int = 0,
    wake_on: Sequence[int] = (),
    allow_links: bool = True,
) -> Reader:
    """Return an iterator over the messages in the complete lines of a file.

    Without `follow` it ends at the end of the file. With it, it waits there for more (and for the
    file itself, if it does not exist yet) until `stop` is set, then yields the messages written
    before that, and ends. Leave the loop or call `.close()` to end at once.

    If the system reports changes of files (inotify), a message is read within milliseconds of
    being written, and waiting takes no CPU time; otherwise the file is polled.

    Bytes after the last newline are not a message: they are logged as a warning and available as
    `.torn_tail`.

    Args:
        path: The tags file.
        follow: Whether to wait for more at the end of the file.
        stop: An event, or a function that returns True once nothing more will be written.
            An event ends a wait at once, a function within `poll_seconds`.
        poll_seconds: Interval for polling the file if the system reports no changes, and for
            calls of a function `stop` without `wake_on`.
        offset: Offset in bytes of the first line to read.
        wake_on: Descriptors that become readable when `stop` has to be called.
        allow_links: Whether the path may be a symbolic link.

    Raises:
        OSError: the file cannot be opened or read, is not a regular file, or was truncated or
            replaced during reading.
        WireError: a line is not a message; the next call of `next` continues after it.
    """
    return Reader(
        path,
        follow=follow,
        stop=stop,
        poll_seconds=poll_seconds,
        offset=offset,
        wake_on=wake_on,
        allow_links=allow_links,
    )


class Reader:
    """Iterator over the messages of a file, and context manager; see `read_messages`."""

    path: str
    """The path of the file."""
    line_number: int
    """Number of the line read last, counted from 1 at the offset; 0 before the first."""
    torn_tail: bytes
    """Bytes after the last newline at the end of the iteration; b"" after a complete line."""

    def __init__(
        self,
        path: StrPath,
        *,
        follow: bool = False,
        stop: threading.Event | Callable[[], bool] | None = None,
        poll_seconds: float = 0.05,
        offset: int = 0,
        wake_on: Sequence[int] = (),
        allow_links: bool = True,
    ) -> None:
        self.path = os.fspath(path)
        self.line_number = 0
        self.torn_tail = b""
        self._follow = follow
        self._stopped = stop.is_set if isinstance(stop, threading.Event) else stop
        self._changes = FileChanges(
            self.path,
            poll_seconds=poll_seconds,
            wake_on=wake_on,
            wake_event=stop if isinstance(stop, threading.Event) else None,
            asks_stop=callable(stop) and not wake_on,
        )
        self._open_flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # do not block on a FIFO
        if not allow_links:
            self._open_flags |= os.O_NOFOLLOW
        self._allow_links = allow_links
        self._lines: list[bytes | None] = []  # not yet yielded, in reverse; None: too long
        self._offset = offset  # offset of the first byte after them
        self._num_scanned = 0  # bytes after it that contain no newline
        self._skips_line = False  # whether the line at the offset is too long
        self._descriptor = -1
        self._closed = False
        if not follow:
            self._open()

    def __iter__(self) -> Reader:
        return self

    def __next__(self) -> Message:
        if self._closed or not (self._lines or self._find_lines()):
            self.close()
            raise StopIteration
        line = self._lines.pop()
        self.line_number += 1
        if line is None:
            raise self._wire_error(f"is longer than {MAX_LINE_BYTES:,} bytes")
        try:
            return codec.decode(line)
        except ValueError as error:
            raise self._wire_error(str(error)) from error

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def close(self) -> None:
        """Close the file and end the iteration. May be called again."""
        self._closed = True
        self._lines.clear()
        self._changes.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _find_lines(self) -> bool:
        """Read until there is a complete line; return False at the end."""
        while True:
            # checked before reading, so that everything written before the stop is read
            at_end = not self._follow or (self._stopped is not None and self._stopped())
            if self._open_if_exists():
                if at_end:
                    self._num_scanned = 0  # read again from the start, to miss nothing
                if self._read_lines():
                    self._changes.found()
                    return True
                self._check_file()
                if at_end:
                    self._keep_tail()
                    return False
            elif at_end:
                return False
            self._changes.wait(self._descriptor)

    def _open_if_exists(self) -> bool:
        if self._descriptor < 0:
            try:
                self._open()
            except FileNotFoundError:
                return False
        return True

    def _open(self) -> None:
        descriptor = os.open(self.path, self._open_flags)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file", self.path)
        self._descriptor = descriptor

    def _read_lines(self) -> bool:
        """Read the next complete lines; return whether there are any.

        A short tail is read again each time, since its writer may cut it off. Of a long one only
        the new bytes are read, which keeps the time linear.
        """
        start = self._num_scanned
        while True:
            chunk = os.pread(self._descriptor, CHUNK_BYTES, self._offset + start)
            if b"\n" in chunk:
                self._take_lines(start, chunk)
                if self._lines:
                    return True
                start = 0
                continue
            start += len(chunk)
            if start > MAX_LINE_BYTES and not self._skips_line:
                self._skips_line = True
                self._num_scanned = start
                self._lines = [None]  # reported now: it may never be completed
                return True
            if len(chunk) < CHUNK_BYTES:
                self._num_scanned = start if start > CHUNK_BYTES else 0
                return False

    def _take_lines(self, start: int, chunk: bytes) -> None:
        """Take all complete lines.

        Args:
            start: Bytes between the offset and the chunk, without a newline.
            chunk: Bytes with a newline.
        """
        end = chunk.rfind(b"\n")
        if self._skips_line:
            first = chunk.find(b"\n")
            data = chunk[first + 1 : end] if end > first else None
        else:
            data = (
                os.pread(self._descriptor, start, self._offset) + chunk[:end]
                if start
                else chunk[:end]
            )
        self._skips_line = False
        self._num_scanned = 0
        self._offset += start + end + 1
        lines = [] if data is None else reversed(data.split(b"\n"))
        self._lines = [line if len(line) <= MAX_LINE_BYTES else None for line in lines]

    def _check_file(self) -> None:
        """Raise if the file was replaced or truncated."""
        size = os.fstat(self._descriptor).st_size
        if size < self._offset:
            raise OSError(errno.EIO, "was truncated while it was read", self.path)
        if size < self._offset + self._num_scanned:  # an incomplete line was cut off
            self._num_scanned = 0
        if self._follow:
            self._check_path()

    def _check_path(self) -> None:
        try:
            found = Path(self.path).stat(follow_symlinks=self._allow_links)
        except OSError:  # deleted: read what its writer still writes
            return
        if not os.path.samestat(found, os.fstat(self._descriptor)):
            raise OSError(errno.EIO, "was replaced by another file while it was read", self.path)

    def _keep_tail(self) -> None:
        tail = os.pread(self._descriptor, MAX_LINE_BYTES, self._offset)
        self.torn_tail = tail
        if tail:
            lost = f"{len(tail)} bytes after line {self.line_number} have no newline"
            logger.warning("%s: %s: the last line is incomplete, and skipped", self.path, lost)

    def _wire_error(self, problem: str) -> WireError:
        message = f"{self.path}:{self.line_number}: the line {problem}"
        return WireError(message, path=self.path, line_number=self.line_number)
