"""Messages to and from a tags file: the writer, and the reader by the same address."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.errors import MessageError, OutputError
from common_ml.tagging.messages import Tag
from common_ml.tagging.reader import Reader, read_messages
from common_ml.tagging.wire_format import WIRE_NAMES, decode, encode

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO

    from common_ml.tagging.messages import Message

__all__ = ["WIRE_NAMES", "Reader", "Writer", "decode", "encode", "read_messages", "write_message"]

WAYS_OUT = {
    errno.EACCES: "let the user that runs the tagger write there",
    errno.EBADF: "the writer is closed, write before that",
    errno.EDQUOT: "free some space or raise the quota",
    errno.EISDIR: "name a file in it",
    errno.ENOENT: "make its directory first",
    errno.ENOSPC: "free some space",
    errno.ENOTDIR: "name a file in a directory",
    errno.EPERM: "let the user that runs the tagger write there",
    errno.ESTALE: "leave it where it is until the tagger has ended",
    errno.EROFS: "mount it writable",
}


PAGE_BYTES = 4096
"""A file grows by pages, also within one write: whoever looks in between sees what is there."""


class Writer:
    """Appends messages to a file, each as one line in one write.

    Threads may share one: the system keeps lines apart that come in single writes.

    A line that would lie across two pages has spaces before it, up to the page's end: who looks
    between the two sees these, and the line as a whole the next time. One that is longer than a
    page may be seen in part while it is written (docs/decisions/0008-lines-and-pages.md).

    Args:
        path: Made if it does not exist; what it holds stays, and a torn last line is ended.

    Raises:
        OutputError: the file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._descriptor = -1
        self._end = 0  # of the file, as far as this writer knows
        flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self.path, flags, 0o666)
            if _ends_in_a_torn_line(self.path):  # by a writer that was killed: ours is a new line
                os.write(self._descriptor, b"\n")
            status = os.fstat(self._descriptor)
            self._has_pages = stat.S_ISREG(status.st_mode)
            self._end = status.st_size
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise _output_error("opened", self.path, error) from error

    def write(self, message: Message) -> None:
        """Appends one message; it is in the file when this returns.

        Raises:
            MessageError: the message cannot be written; nothing is.
            OutputError: the file cannot be written.
        """
        try:
            line = encode(message)
        except MessageError as error:
            raise MessageError(f"{error}, for {self.path}", field=error.field) from error
        room = -self._end % PAGE_BYTES
        if 0 < room < len(line) <= PAGE_BYTES and self._has_pages:
            line = b" " * room + line
        try:
            written = os.write(self._descriptor, line)
            self._end += len(line)
            if written < len(line):  # the disk is nearly full, or a signal came
                self._write_rest(line, written)
            if type(message) is not Tag:  # about once a file: too costly for every tag
                self._check_link()
        except OSError as error:
            raise _output_error("written", self.path, error) from error

    def _write_rest(self, line: bytes, written: int) -> None:
        """Complete a line, or take back what is there of it."""
        try:
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError:
            size = os.fstat(self._descriptor).st_size
            if size >= written:  # else it is no regular file, or somebody has cut it
                with suppress(OSError):  # the first error is the one to tell
                    os.ftruncate(self._descriptor, size - written)
                    self._end = size - written
            raise

    def _check_link(self) -> None:
        """Whoever reads the file by its name must find what is written here."""
        status = os.fstat(self._descriptor)
        self._end = status.st_size  # others may have written, too
        if status.st_nlink == 0:
            raise OSError(errno.ESTALE, "it was deleted while the tagger runs")

    def close(self) -> None:
        """Closes the file. May be called again.

        Raises:
            OutputError: the system says only now that it could not write.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        try:
            os.close(descriptor)
        except OSError as error:
            raise _output_error("written", self.path, error) from error

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def write_message(msg: Message, fout: TextIO) -> None:
    """Writes one message to a text file object of the caller, in one write, and flushes it.

    Raises:
        MessageError: the message cannot be written; nothing is.
    """
    fout.write(encode(msg).decode())
    fout.flush()


def _ends_in_a_torn_line(path: str) -> bool:
    if not stat.S_ISREG(Path(path).stat().st_mode):
        return False  # a FIFO: reading would take what is for others
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        return False  # it may be written but not read: nothing can be known
    try:
        size = os.fstat(descriptor).st_size
        return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
    finally:
        os.close(descriptor)


def _output_error(verb: str, path: str, cause: OSError | ValueError) -> OutputError:
    code = cause.errno if isinstance(cause, OSError) else None
    reason = cause.strerror if isinstance(cause, OSError) else str(cause)
    way_out = f": {WAYS_OUT[code]}" if code in WAYS_OUT else ""
    error = OutputError(f"the output file {path} cannot be {verb}: {reason}{way_out}", path=path)
    error.errno = code
    return error
