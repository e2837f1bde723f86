"""Read paths from standard input, in batches of those that have arrived."""

from __future__ import annotations

import codecs
import errno
import fcntl
import io
import os
import stat
import sys
import threading
from collections import deque
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from time import monotonic  # bound here: a model may replace `time.monotonic`
from typing import TYPE_CHECKING, Any

from common_ml.tagging.job.own_descriptor import OwnDescriptor
from common_ml.tagging.job.readiness import wait_readable
from common_ml.tagging.job.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CHUNK_BYTES = 1 << 16
_HIGH_NUMBER = 512
"""Of one of the descriptors: code that closes what it has not opened begins with low ones."""


class Intake:
    """Read lines in a thread, so that they are received while a model works."""

    def __init__(self, stdin: Iterable[str | bytes] | None) -> None:
        """Start to read.

        Args:
            stdin: An open file, or any iterable of lines; None for an empty input.
        """
        self._waiting: deque[str] = deque()  # arrived, not in a batch yet
        self._wakeup = Wakeup()
        """Set when lines have arrived, or the input has ended or failed."""
        self._ended = False
        self._failure: Exception | None = None
        threading.Thread(
            target=self._read, args=(stdin,), name="common-ml-stdin", daemon=True
        ).start()

    def batches(
        self,
        *,
        timeout_seconds: float,
        limit: int | None,
        poll_interval: Callable[[], float | None] = lambda: None,
    ) -> Iterator[list[str]]:
        """Yield the paths in order of arrival, until the end of input.

        Args:
            timeout_seconds: How long a batch waits for more lines after its first, >= 0. Paths
                that have arrived by then are always included.
            limit: Maximum number of paths in a batch, >= 1; None for no limit.
            poll_interval: Called before each wait, and at the end of input; returns the seconds
                after which an empty batch is yielded, so that the consumer can do other work; None
                waits for a path.

        Raises:
            Exception: reading the input failed; the paths received before were yielded.
        """
        while self._has_first(poll_interval):
            deadline = monotonic() + timeout_seconds
            while self._waiting and (limit is None or len(self._waiting) < limit):
                if self._ended or not self._wakeup.wait(deadline - monotonic()):
                    break
            size = len(self._waiting) if limit is None else min(limit, len(self._waiting))
            yield [self._waiting.popleft() for _ in range(size)]
        if self._failure is not None:
            raise self._failure

    def interrupt(self) -> None:
        """End the batches with the paths received so far; takes no lock, for signal handlers."""
        self._ended = True
        self._wakeup.set()

    def waiting_files(self) -> list[str]:
        """Return the paths that are not in a batch yet; the queue is not changed."""
        return list(self._waiting)

    def _has_first(self, poll_interval: Callable[[], float | None]) -> bool:
        """Wait for a path or until the interval is over; return False at the end of input."""
        while True:
            ended = self._ended  # looked at first: what arrives until then is not left out
            if self._waiting:
                return True
            seconds = poll_interval()
            if ended:
                return False
            if not self._wakeup.wait(seconds):
                return True

    def _read(self, stdin: Iterable[str | bytes] | None) -> None:
        try:
            for lines in _arriving(stdin):
                paths = [path for path in (line.rstrip("\r\n") for line in lines) if path]
                if paths:
                    self._waiting.extend(paths)
                    self._wakeup.set()
        except Exception as error:  # noqa: BLE001 - raised again in `batches`
            self._failure = error
        self._ended = True
        self._wakeup.set()


def _arriving(stdin: Iterable[str | bytes] | None) -> Iterator[list[str]]:
    """Yield lists of lines that arrived together."""
    if stdin is None:
        return
    descriptor = _descriptor_of(stdin)
    if descriptor is not None:
        yield from _lines_of(descriptor)
    else:
        for line in stdin:
            yield [_decoded(line) if isinstance(line, bytes) else line]


def _descriptor_of(stdin: Any) -> int | None:
    """Return the descriptor to read the lines of `stdin` from; None if it must be iterated.

    Python's own stdin has one. A replacement is iterated, so that its decoding or decompression is
    applied and its read-ahead kept; except a UTF-8 pipe, where a read may block.
    """
    buffer = getattr(stdin, "buffer", stdin)
    try:
        descriptor: int = buffer.fileno()
    except (AttributeError, OSError, ValueError):  # ValueError: io.UnsupportedOperation is one
        return None
    if stdin is sys.__stdin__:
        return descriptor
    is_raw = isinstance(getattr(buffer, "raw", None), io.FileIO)  # not decompressed
    is_utf8 = codecs.lookup(getattr(stdin, "encoding", None) or "utf-8").name in ("utf-8", "ascii")
    is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)  # reading one never blocks
    return descriptor if is_raw and is_utf8 and not is_file else None


def _lines_of(descriptor: int) -> Iterator[list[str]]:
    """Yield the lines of a file descriptor, as many as one read returns.

    Reads below Python's buffers: a thread that blocks inside `sys.stdin` holds its lock and
    crashes the interpreter if the program ends before its input.
    """
    begun: list[bytes] = []  # chunks of an incomplete line
    for chunk in _chunks_of(descriptor):
        first, *lines = chunk.split(b"\n")
        begun.append(first)
        if lines:
            lines.insert(0, b"".join(begun))
            begun = [lines.pop()]
            yield [_decoded(line) for line in lines]
    if last := b"".join(begun):
        yield [_decoded(last)]  # a last line without newline counts


def _chunks_of(descriptor: int) -> Iterator[bytes]:
    """Yield what arrives, until the end.

    It is read by duplicates, as a model may close or replace standard input, which must not look
    like its end. Standard input itself is empty meanwhile: a program that the model starts, or the
    model, would take away the lines that it reads.

    Raises:
        OSError: it cannot be read, or not any more.
    """
    duplicates = list(_duplicates_of(descriptor))
    ways = [*duplicates, OwnDescriptor.of(descriptor)]
    with _empty_stdin(duplicates[0]) if descriptor == 0 and duplicates else nullcontext():
        try:
            while way := next((way for way in ways if way.is_intact), None):
                wait_readable(way.number)
                if not way.is_intact:
                    continue
                chunk = os.read(way.number, _CHUNK_BYTES)
                if chunk:
                    yield chunk
                elif way.is_intact:
                    return
            raise OSError(
                errno.EBADF,
                "the model, or a library of it, has closed or replaced standard input; hint: close"
                " only what was opened (os.closerange and os.dup2 take any number)",
            )
        finally:
            for duplicate in duplicates:
                duplicate.close()


def _duplicates_of(descriptor: int) -> Iterator[OwnDescriptor]:
    for lowest in (3, _HIGH_NUMBER):
        with suppress(OSError):  # no descriptor is left, or the limit is lower
            yield OwnDescriptor.of(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest))


@contextmanager
def _empty_stdin(kept: OwnDescriptor) -> Iterator[None]:
    """Let descriptor 0 be an empty file inside the block, unless it is a terminal.

    Args:
        kept: What it is set to again afterwards.
    """
    if os.isatty(0):  # for debuggers
        yield
        return
    with suppress(OSError), Path(os.devnull).open() as null:  # no descriptor is left
        os.dup2(null.fileno(), 0)
    ours = OwnDescriptor.of(0)
    try:
        yield
    finally:
        if ours.is_intact and kept.is_intact:
            os.dup2(kept.number, 0)


def _decoded(line: bytes) -> str:
    """Decode a path as Python does: bytes that are not UTF-8 become lone surrogates."""
    return line.decode("utf-8", "surrogateescape")
