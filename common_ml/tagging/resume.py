"""What an earlier run left in the output: files that are done, and lines of those that are not."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from common_ml.errors import OutputError, WireError
from common_ml.tagging.messages import Message, Progress, Tag
from common_ml.tagging.wire import encode, read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_CHUNK_BYTES = 1 << 16
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Past:
    """Where to go on."""

    finished: frozenset[str] = frozenset()
    """Files that have their `progress`."""
    written: dict[str, set[bytes]] = field(default_factory=dict)
    """File without `progress` -> digests of the lines that it has already."""

    def has(self, tag: Tag) -> bool:
        """Whether this very line stands in the output, from a file that was not finished."""
        lines = self.written.get(tag.source_media)
        return lines is not None and _digest(tag) in lines

    def forget(self, file: str) -> None:
        """The file is finished now; if it is sent once more, it is tagged once more."""
        self.written.pop(file, None)

    @staticmethod
    def of(path: str | os.PathLike[str]) -> Past:
        """Read an output file, and cut a torn last line off it.

        A file that does not exist is an empty past. Lines that are no messages are passed over,
        with a warning.

        Raises:
            OutputError: the file cannot be read or cut.
        """
        try:
            return _read(os.fspath(path))
        except FileNotFoundError:
            return Past()
        except OSError as error:
            raise OutputError(
                f"cannot resume from {os.fspath(path)}: {error.strerror}", path=path
            ) from error


def _read(path: str) -> Past:
    _cut_torn_line(path)
    finished: set[str] = set()
    written: dict[str, set[bytes]] = {}
    for message in whole_messages(path):
        if isinstance(message, Progress):
            finished.add(message.source_media)
            written.pop(message.source_media, None)
        elif isinstance(message, Tag) and message.source_media not in finished:
            written.setdefault(message.source_media, set()).add(_digest(message))
    logger.info("resuming %s: %d files are finished, %d begun", path, len(finished), len(written))
    return Past(frozenset(finished), written)


def whole_messages(path: str | os.PathLike[str]) -> Iterator[Message]:
    """Read the messages of a file; lines that are none are passed over, with a warning.

    Raises:
        OSError: the file cannot be opened or read.
    """
    messages = read_messages(path)
    while True:
        try:
            yield next(messages)
        except StopIteration:  # noqa: PERF203 - one bad line must not end the reading
            return
        except WireError as error:
            logger.warning("passed over: %s", error)


def _digest(tag: Tag) -> bytes:
    return hashlib.blake2b(encode(tag), digest_size=16).digest()


def _cut_torn_line(path: str) -> None:
    with open(path, "r+b") as file:  # noqa: PTH123 - a path of any kind, as it was given
        size = file.seek(0, os.SEEK_END)
        end = _end_of_whole_lines(file, size)
        if end < size:
            logger.warning("%s: a torn last line of %d bytes is cut off", path, size - end)
            file.truncate(end)


def _end_of_whole_lines(file: BinaryIO, size: int) -> int:
    """How many bytes the file has up to its last newline, looked for from the end."""
    while size > 0:
        start = max(0, size - _CHUNK_BYTES)
        file.seek(start)
        newline = file.read(size - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        size = start
    return 0
