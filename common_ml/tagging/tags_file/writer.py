"""Append messages to a tags file, each as one line in one write."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from common_ml.backoff import Backoff
from common_ml.errors import MessageError, OutputError
from common_ml.tagging.job.log import SafeLogger
from common_ml.tagging.job.own_descriptor import OwnDescriptor
from common_ml.tagging.messages import Tag
from common_ml.tagging.tags_file.codec import encode, padded
from common_ml.tagging.tags_file.line_ends import ends_in_torn_line

if TYPE_CHECKING:
    from types import TracebackType

    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath

HINTS = {
    errno.EACCES: "let the user that runs the tagger write there",
    errno.EDQUOT: "free some space or raise the quota",
    errno.EFBIG: "raise the limit of a file's size (ulimit -f)",
    errno.EISDIR: "name a file in it",
    errno.ENOENT: "make its directory first",
    errno.ENOSPC: "free some space",
    errno.ENOTDIR: "name a file in a directory",
    errno.ENXIO: "start the reader of the FIFO first",
    errno.EPERM: "let the user that runs the tagger write there",
    errno.EPIPE: "keep the reader of the FIFO running until the tagger has ended",
    errno.ESTALE: "leave it where it is until the tagger has ended",
    errno.EROFS: "mount it writable",
}
_TAKEN = "the model, or a library of it, has closed or replaced its descriptor"
_TAKEN_HINT = "close only what was opened (os.closerange and os.dup2 take any number)"
_FIFO_REASONS = {
    errno.ENXIO: "it is a FIFO that has no reader",
    errno.EPIPE: "it is a FIFO whose reader has left",
}
_FIFO_WAIT = Backoff(attempts=8, first_seconds=0.02, longest_seconds=1.0)
"""Delays while waiting for a reader that starts with the tagger: about two seconds in total."""

logger = SafeLogger(__name__)


class Writer:
    """Append messages to a file, each as one line in one write.

    Thread-safe. Several processes may append to one file, too: the system does not interleave
    single writes.

    A line that would cross a page boundary is padded with spaces before it, up to the boundary: a
    reader between the two pages sees only the padding, and the whole line later. A line longer than
    a page may be seen in part while it is written (docs/decisions/0008-lines-and-pages.md), and so
    may one in twenty if another process appends to the same file.

    Args:
        path: Created if it does not exist; existing content stays, and a torn last line is ended.
        lock: Held while a line is written; a new one by default.

    Raises:
        OutputError: the file cannot be opened.
    """

    def __init__(self, path: StrPath, *, lock: threading.Lock | None = None) -> None:
        self.path = os.fspath(path)
        self._lock = lock or threading.Lock()
        self._end = 0  # end of the file, as last seen by this writer
        try:
            # keeps the path unchanged, and raises if there is no working directory; the model may
            # change that
            self._absolute_path = os.path.abspath(self.path)
            self._descriptor = _opened(self.path)
            self._own = OwnDescriptor.of(self._descriptor)
            if ends_in_torn_line(self.path):  # left by a killed writer: start a new line
                os.write(self._descriptor, b"\n")
            status = os.fstat(self._descriptor)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise output_error("opened", self.path, error) from error
        self._is_regular = stat.S_ISREG(status.st_mode)
        self._end = status.st_size

    def warn_of_other_writers(self) -> None:
        """Log a warning if another process has locked the file; lock it otherwise."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.warning(
                "another process writes to %s, too: a reader may see lines in part; "
                "hint: give each tagger an output file of its own",
                self.path,
            )
        except OSError:
            return  # the file system has no locks

    def write(self, message: Message) -> None:
        """Append one message; it is in the file when this returns.

        Raises:
            MessageError: the message cannot be encoded; nothing is written.
            OutputError: the file cannot be written.
        """
        try:
            line = encode(message)
        except MessageError as error:
            raise MessageError(f"{error}, for {self.path}", field=error.field) from error
        with self._lock:
            if self._is_regular:
                line = padded(line, self._end)
            try:
                written = os.write(self._descriptor, line)
                self._end += len(line)
                if written < len(line):  # the disk is nearly full, or a signal came
                    self._write_rest(line, written)
                if type(message) is not Tag:  # about once per file: too costly for every tag
                    self._check_link()
            except OSError as error:
                raise self._write_error(error) from error

    def _write_error(self, error: OSError) -> OutputError:
        if error.errno == errno.EBADF:
            if self._descriptor < 0:
                error = OSError(errno.EBADF, "the writer is closed")
            else:
                error = OSError(errno.EBADF, f"{_TAKEN}; hint: {_TAKEN_HINT}")
        return output_error("written", self.path, error)

    def _write_rest(self, line: bytes, written: int) -> None:
        """Complete a partially written line, or remove it."""
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError:
            size = os.fstat(self._descriptor).st_size
            # otherwise it is not a regular file, was truncated meanwhile, or is not ours any more
            if size >= written and self._own.is_intact:
                with suppress(OSError):  # the first error is the one to report
                    os.ftruncate(self._descriptor, size - written)
                    self._end = size - written
            raise

    def _check_link(self) -> None:
        """Raise unless the path still names the file that is written."""
        status = os.fstat(self._descriptor)
        if (status.st_dev, status.st_ino) != self._own.identity:
            raise OSError(errno.EBADF, _TAKEN)
        if not self._is_regular:
            return
        self._end = status.st_size  # other processes may have written
        if status.st_nlink == 0:
            raise OSError(errno.ESTALE, "it was deleted while the tagger runs")
        try:
            found = os.stat(self._absolute_path)
        except FileNotFoundError:
            raise OSError(errno.ESTALE, "it was renamed while the tagger runs") from None
        if (found.st_dev, found.st_ino) != self._own.identity:
            raise OSError(errno.ESTALE, "another file took its place while the tagger runs")

    def close(self) -> None:
        """Close the file. May be called again.

        Raises:
            OutputError: the system reports a delayed write error.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        try:
            self._own.close()
        except OSError as error:
            raise output_error("written", self.path, error) from error

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _opened(path: str) -> int:
    flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC
    try:
        is_fifo = stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        is_fifo = False
    if not is_fifo:
        return os.open(path, flags, 0o666)
    # non-blocking: without a reader the open would block forever, and signals with it
    for attempt in range(1, _FIFO_WAIT.attempts + 1):
        try:
            descriptor = os.open(path, flags | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO or attempt == _FIFO_WAIT.attempts:
                raise
            time.sleep(_FIFO_WAIT.delay_seconds(attempt))
        else:
            os.set_blocking(descriptor, True)
            return descriptor
    raise AssertionError("unreachable: the last attempt returns or raises")


def output_error(verb: str, path: str, cause: OSError | ValueError) -> OutputError:
    """Return the error of an output file.

    Args:
        verb: What is not possible with the file, such as "written".
        path: The file.
        cause: Of the system; a ValueError for a path with a NUL.
    """
    code = cause.errno if isinstance(cause, OSError) else None
    reason = cause.strerror if isinstance(cause, OSError) else str(cause)
    reason = _FIFO_REASONS.get(code or 0, reason)
    hint = f"; hint: {HINTS[code]}" if code in HINTS else ""
    error = OutputError(f"the output file {path} cannot be {verb}: {reason}{hint}", path=path)
    error.errno = code
    return error
