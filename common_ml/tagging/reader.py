"""The messages of a tags file, read while it grows or once it is whole."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

from common_ml.errors import WireError
from common_ml.tagging import wire_format

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from common_ml.tagging.messages import Message

CHUNK_BYTES = 1 << 20
logger = logging.getLogger(__name__)


def read_messages(
    path: str | os.PathLike[str],
    *,
    follow: bool = False,
    stop: threading.Event | Callable[[], bool] | None = None,
    poll_seconds: float = 0.05,
    offset: int = 0,
) -> Reader:
    """Returns an iterator over the messages of a file; whole lines only.

    Without `follow` it ends at the end of the file. With it, it waits there for more (and for the
    file itself, if there is none yet) until `stop` is set, then yields what was written before
    that, and ends. Leave the loop or call `.close()` to end at once.

    What stands after the last newline is no message: it is logged as a warning and kept in
    `.torn_tail`.

    Args:
        path: The tags file.
        follow: Whether to wait for more at the end of the file.
        stop: An event, or a function that returns True once nothing more will be written.
            An event ends the waiting at once, a function within `poll_seconds`.
        poll_seconds: How long to sleep between two looks at the end of the file.
        offset: Bytes of the file to pass over; the start of a line.

    Raises:
        OSError: the file cannot be opened or read.
        WireError: a line is no message; the next call of `next` goes on behind it.
    """
    return Reader(path, follow=follow, stop=stop, poll_seconds=poll_seconds, offset=offset)


class Reader:
    """Iterator over the messages of a file, and context manager; see `read_messages`."""

    path: str
    """The file."""
    line_number: int
    """The line read last, counted from 1 at the offset; 0 before the first."""
    torn_tail: bytes
    """What stood after the last newline when the iteration ended; b"" after a whole line."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        follow: bool = False,
        stop: threading.Event | Callable[[], bool] | None = None,
        poll_seconds: float = 0.05,
        offset: int = 0,
    ) -> None:
        self.path = os.fspath(path)
        self.line_number = 0
        self.torn_tail = b""
        self._follow = follow
        self._stopped = stop.is_set if isinstance(stop, threading.Event) else stop
        self._sleep = stop.wait if isinstance(stop, threading.Event) else time.sleep
        self._poll_seconds = poll_seconds
        self._lines: list[bytes] = []  # whole ones that are read but not yet yielded, last first
        self._offset = offset  # of the first byte behind them
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
        try:
            return wire_format.decode(line)
        except ValueError as error:
            place = f"{self.path}:{self.line_number}"
            message = f"{place}: the line {error}"
            raise WireError(message, path=self.path, line_number=self.line_number) from error

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
        """Closes the file; the iteration ends. May be called again."""
        self._closed = True
        self._lines.clear()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _find_lines(self) -> bool:
        """Reads until there is a whole line; False at the end of everything."""
        while True:
            # asked before reading: what is written before the stop is read after it
            at_end = not self._follow or (self._stopped is not None and self._stopped())
            if self._open_if_there():
                tail = self._read_lines()
                if self._lines:
                    return True
                if at_end:
                    self._keep_tail(tail)
                    return False
            elif at_end:
                return False
            self._sleep(self._poll_seconds)

    def _open_if_there(self) -> bool:
        if self._descriptor < 0:
            try:
                self._open()
            except FileNotFoundError:
                return False
        return True

    def _open(self) -> None:
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    def _read_lines(self) -> bytes:
        """Reads the next whole lines; returns what stands behind them if there are none.

        Each look starts behind the last whole line again, so a torn line that its writer cuts off
        in between leaves no trace here.
        """
        size = CHUNK_BYTES
        while True:
            chunk = os.pread(self._descriptor, size, self._offset)
            end = chunk.rfind(b"\n") + 1
            if end:
                self._offset += end
                self._lines = chunk[: end - 1].split(b"\n")
                self._lines.reverse()
                return b""
            if len(chunk) < size:
                return chunk
            size *= 2  # a line longer than the chunk

    def _keep_tail(self, tail: bytes) -> None:
        self.torn_tail = tail
        if tail:
            lost = f"{len(tail)} bytes after line {self.line_number} have no newline"
            logger.warning("%s: %s: the last line is torn, and no message", self.path, lost)
