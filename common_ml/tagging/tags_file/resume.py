"""Resume state: finished files of an earlier run, and the lines of its unfinished ones."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import OutputError, WireError, mark_reported
from common_ml.tagging.job.log import SafeLogger
from common_ml.tagging.messages import Message, Progress, Tag
from common_ml.tagging.tags_file.codec import decode, encode
from common_ml.tagging.tags_file.compact_set import CompactMap
from common_ml.tagging.tags_file.line_ends import end_of_last_line
from common_ml.tagging.tags_file.reader import read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from common_ml.types import StrPath

_MAX_HEAD_BYTES = 1 << 16
_LINE_STARTS = (b'{"type"', b'{"data"', b'{ "type"', b'{ "data"')
logger = SafeLogger(__name__)


@dataclass(frozen=True)
class ResumeState:
    """State of an earlier run on the same output."""

    finished: CompactMap = field(default_factory=CompactMap)
    """Files with `progress`."""
    written: dict[str, set[bytes]] = field(default_factory=dict)
    """File without `progress` -> digests of its lines."""

    def has(self, tag: Tag) -> bool:
        """Return whether the output has this exact line, from an unfinished file."""
        lines = self.written.get(tag.source_media)
        return lines is not None and _digest(tag) in lines

    def discard(self, file: str) -> None:
        """Discard the lines of a file that is finished now: if sent again, it is tagged again."""
        self.written.pop(file, None)

    @staticmethod
    def of(path: StrPath) -> ResumeState:
        """Read an output file, and cut off a torn last line.

        The state is empty if the file does not exist. Lines that are not messages are skipped with
        a warning.

        Raises:
            OutputError: the file cannot be read or truncated, or does not look like a tags file:
                then it is left unchanged.
        """
        try:
            return _read(os.fspath(path))
        except FileNotFoundError:
            return ResumeState()
        except OutputError:
            raise
        except OSError as error:
            raise OutputError(
                f"cannot resume from {os.fspath(path)}: {error.strerror}", path=path
            ) from error


def _read(path: str) -> ResumeState:
    _cut_torn_line(path)
    finished = CompactMap()
    written: dict[str, set[bytes]] = {}
    for message in whole_messages(path):
        if isinstance(message, Progress):
            finished.set(message.source_media)
            written.pop(message.source_media, None)
        elif isinstance(message, Tag) and message.source_media not in finished:
            written.setdefault(message.source_media, set()).add(_digest(message))
    logger.info("resuming %s: %d files are finished, %d begun", path, len(finished), len(written))
    return ResumeState(finished, written)


def looks_like_tags_file(path: StrPath) -> bool:
    """Return whether a file is empty, or begins with lines of which one is a message.

    Raises:
        OSError: it cannot be opened or read.
    """
    with Path(path).open("rb") as file:
        return _looks_right(file.read(_MAX_HEAD_BYTES))


def whole_messages(path: StrPath) -> Iterator[Message]:
    """Yield the messages of a file; skip lines that are not messages, with a warning.

    Raises:
        OSError: the file cannot be opened or read.
    """
    messages = read_messages(path)
    while True:
        try:
            yield next(messages)
        except StopIteration:
            return
        except WireError as error:
            logger.warning("skipped: %s", error)


def warn_of_other_params(path: StrPath, params: Mapping[str, Any]) -> None:
    """Log a warning if the earlier run had other params; store those of this run.

    A hidden file beside the output holds a digest of each key, never a value: params may contain
    secrets. If it cannot be read or written, nothing is compared.

    Args:
        path: The output file.
        params: The value of `--params`, as sent.
    """
    folder, name = os.path.split(os.fspath(path))
    kept = os.path.join(folder, f".{name}.params")
    ours = {key: _digest_of(value) for key, value in params.items()}
    try:
        with open(kept, encoding="utf-8") as file:
            theirs = json.load(file)
        changed = sorted(key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key))
        if changed:
            logger.warning(
                "resuming %s with other params than before: %s differ; "
                "files that are finished keep their tags",
                os.fspath(path),
                ", ".join(changed),
            )
    except (OSError, ValueError, AttributeError, TypeError):
        pass  # it does not exist, or is not ours
    try:
        with open(kept, "w", encoding="utf-8") as file:
            json.dump(ours, file)
    except OSError as error:
        logger.warning("the params are not kept for a later resume: %s", error)


def _digest_of(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _digest(tag: Tag) -> bytes:
    return hashlib.blake2b(encode(tag), digest_size=16).digest()


def _cut_torn_line(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        _check_is_tags_file(descriptor, path)
        end = end_of_last_line(descriptor, size)
        if end < size:
            logger.warning("%s: a torn last line of %d bytes is cut off", path, size - end)
            os.ftruncate(descriptor, end)
    finally:
        os.close(descriptor)


def _check_is_tags_file(descriptor: int, path: str) -> None:
    """Raise unless the file is empty or begins like a tags file, to protect other files."""
    head = os.pread(descriptor, _MAX_HEAD_BYTES, 0)
    if not _looks_right(head):
        error = OutputError(
            f"cannot resume from {path}: expected a tags file, got no line that is a message; "
            "hint: name the output of the earlier run, or leave out resume",
            path=path,
        )
        mark_reported(error)  # on stderr only: an `error` line would spoil somebody's file
        raise error


def _looks_right(head: bytes) -> bool:
    line, newline, _ = head.lstrip(b" ").partition(b"\n")
    if newline:
        return any(map(_is_message, head[: head.rfind(b"\n")].split(b"\n")))
    # the first line is torn, or longer than the part that was read
    return any(line.startswith(start) or start.startswith(line) for start in _LINE_STARTS)


def _is_message(line: bytes) -> bool:
    try:
        decode(line)
    except ValueError:
        return False
    return True
