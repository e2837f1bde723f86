"""Paths on standard input, as batches of what has arrived."""

from __future__ import annotations

import codecs
import io
import os
import queue
import stat
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_CHUNK_BYTES = 1 << 16


class Intake:
    """Reads lines in a thread of its own, so that they are taken while a model works."""

    def __init__(self, stdin: Iterable[str | bytes] | None) -> None:
        """Start to read.

        Args:
            stdin: An open file, or any iterable of lines; None is an input that has ended.
        """
        # Lines that came together; an exception or None is the end of the input.
        self._arrived: queue.SimpleQueue[list[str] | Exception | None] = queue.SimpleQueue()
        self._waiting: list[str] = []
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
        nap_seconds: Callable[[], float | None] = lambda: None,
    ) -> Iterator[list[str]]:
        """The paths in the order of arrival, until the input ends; nothing is polled.

        Args:
            timeout_seconds: How long a batch waits for more lines after its first, >= 0. What
                has arrived by then is taken in any case.
            limit: The largest batch, >= 1; None for no limit.
            nap_seconds: Asked before each sleep: after so long an empty batch comes, so that the
                taker can look after something else. None is a sleep until a path arrives.

        Raises:
            Exception: reading the input failed; what had arrived before was yielded.
        """
        while self._has_first(nap_seconds):
            deadline = time.monotonic() + timeout_seconds
            while self._waiting and (limit is None or len(self._waiting) < limit):
                if not self._take(deadline):
                    break
            batch = self._waiting[:limit]
            del self._waiting[:limit]
            yield batch
        if self._failure is not None:
            raise self._failure

    def interrupt(self) -> None:
        """End the batches with what has arrived; for a signal handler, so it takes no lock."""
        self._arrived.put(None)

    def waiting_files(self) -> list[str]:
        """The paths that have arrived and are in no batch yet; they are taken out."""
        while not self._arrived.empty():
            lines = self._arrived.get()
            if isinstance(lines, list):
                self._waiting += lines
        waiting, self._waiting = self._waiting, []
        return waiting

    def _has_first(self, nap_seconds: Callable[[], float | None]) -> bool:
        """Sleep until a path has arrived or the nap is over; False if none ever will arrive."""
        while not self._waiting:
            seconds = nap_seconds()
            if not self._take(None if seconds is None else time.monotonic() + seconds):
                return not self._ended
        return True

    def _take(self, deadline: float | None) -> bool:
        """Take what arrives next; False if nothing did until `deadline`, or ever will."""
        if self._ended:
            return False
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            lines = self._arrived.get(timeout=timeout)
        except queue.Empty:
            return False
        if lines is None or isinstance(lines, Exception):
            self._ended, self._failure = True, lines
            return False
        self._waiting += lines
        return True

    def _read(self, stdin: Iterable[str | bytes] | None) -> None:
        try:
            for lines in _arriving(stdin):
                paths = [path for path in (line.rstrip("\r\n") for line in lines) if path]
                if paths:
                    self._arrived.put(paths)
        except Exception as error:  # noqa: BLE001 - raised again where the batches are asked for
            self._arrived.put(error)
        else:
            self._arrived.put(None)


def _arriving(stdin: Iterable[str | bytes] | None) -> Iterator[list[str]]:
    """Lines, those that came together in one list."""
    if stdin is None:
        return
    descriptor = _descriptor_of(stdin)
    if descriptor is not None:
        yield from _lines_of(descriptor)
    else:
        for line in stdin:
            yield [_decoded(line) if isinstance(line, bytes) else line]


def _descriptor_of(stdin: Any) -> int | None:
    """The descriptor whose bytes are the lines of `stdin`; None where the object has to be asked.

    Python's own stdin has one. An object that a program put in its place is taken at its word, so
    that what it decodes or unpacks, and what was read from it, counts; but for a UTF-8 pipe, where
    a read may sleep.
    """
    buffer = getattr(stdin, "buffer", stdin)
    try:
        descriptor: int = buffer.fileno()
    except (AttributeError, OSError, ValueError):  # ValueError: io.UnsupportedOperation is one
        return None
    if stdin is sys.__stdin__:
        return descriptor
    is_raw = isinstance(getattr(buffer, "raw", None), io.FileIO)  # not unpacked on the way
    is_utf8 = codecs.lookup(getattr(stdin, "encoding", None) or "utf-8").name in ("utf-8", "ascii")
    is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)  # a read of one never sleeps
    return descriptor if is_raw and is_utf8 and not is_file else None


def _lines_of(descriptor: int) -> Iterator[list[str]]:
    """Lines of a file descriptor, as many as one read gives.

    It is read below Python's buffers: a thread that sleeps inside `sys.stdin` holds its lock and
    crashes the interpreter when the program ends before its input does.
    """
    rest = b""
    while chunk := os.read(descriptor, _CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield [_decoded(line) for line in lines]
    if rest:
        yield [_decoded(rest)]  # a last line without its newline is a line


def _decoded(line: bytes) -> str:
    """The path as Python spells it: bytes that are not UTF-8 survive as lone surrogates."""
    return line.decode("utf-8", "surrogateescape")
