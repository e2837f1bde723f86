"""Parse Python tracebacks in a tagger's log: which file failed, and in which line of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAILURE = re.compile(
    r"^(?:\S{1,40} ){2,3}ERROR \S{1,200} \[[^\n]{0,1000}?\] failed: (?P<file>.+)$"
)
"""As the SDK logs a failed file: time, level, logger, `[file]`, text."""
_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ")
_HEAD = "Traceback (most recent call last):"
_FRAME = re.compile(
    r'^  File "(?P<path>.{1,4096})", line (?P<line>\d{1,9}), in (?P<function>.{1,500})$'
)
_LIBRARY = re.compile(
    r"/(?:site-packages|dist-packages)/|/lib/python3(?:\.\d+)?/|^<frozen "
    r"|/common_ml/(?:tagging|media|data|utils|(?:context|errors|stages|video_processing)\.py$)"
)
"""Paths of third-party code: Python, libraries and the SDK."""
_MAX_LINES = 2_000
"""Bytes read from a log's end; a recursion makes some thousand frames."""


@dataclass(frozen=True)
class StackFrame:
    """One step of a traceback."""

    path: str
    line: int
    function: str
    code: str
    """The source line; "" if it is unknown."""

    @property
    def is_authors(self) -> bool:
        """Whether it is in the author's code: not in Python, a library or the SDK."""
        return _LIBRARY.search(self.path.replace("\\\\", "/")) is None


@dataclass(frozen=True)
class Failure:
    """A traceback, with its context in the log."""

    frames: tuple[StackFrame, ...]
    """The innermost one last, as in the log."""
    error: str
    """Such as `KeyError: 'label'`, with all of its lines."""
    file: str = ""
    """The file that failed, as the tagger received it; "" if the log does not say."""
    call: str = ""
    """The call, such as `Model.tag_frame, frame 36 at 1.500 s`; "" if unknown."""

    @property
    def authors_frames(self) -> tuple[StackFrame, ...]:
        """The frames of the author's code, the innermost one first."""
        return tuple(frame for frame in reversed(self.frames) if frame.is_authors)


def failures_in(log: str) -> list[Failure]:
    """Return the tracebacks of a log, in order; of chained ones the last of each chain.

    Only the end of a very long log is looked at.
    """
    return list(_failures(log.splitlines()[-_MAX_LINES:]))


def _failures(lines: list[str]) -> Iterator[Failure]:
    file = call = ""
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if "failed: " in line and (match := _FAILURE.match(line[:5_000])):
            file, call = match["file"], ""
            if place < len(lines) and lines[place].startswith("in "):
                call = lines[place][3:]
                place += 1
        elif _RECORD.match(line):
            file = call = ""
        elif line == _HEAD:
            frames, place = _frames(lines, place)
            error, place = _error(lines, place)
            if _is_chained(lines, place):
                continue
            yield Failure(tuple(frames), error, file, call)
            file = call = ""


def _frames(lines: list[str], place: int) -> tuple[list[StackFrame], int]:
    """Return the frames from a line on, and the line after them."""
    frames: list[StackFrame] = []
    while place < len(lines) and lines[place].startswith("  "):
        if match := _FRAME.match(lines[place]):
            code = lines[place + 1] if place + 1 < len(lines) else ""
            shown = code.strip() if code.startswith("    ") else ""
            frames.append(StackFrame(match["path"], int(match["line"]), match["function"], shown))
        place += 1
    return frames, place


def _error(lines: list[str], place: int) -> tuple[str, int]:
    """Return the text of an exception from a line on, and the line after it."""
    start = place
    while place < len(lines) and not _RECORD.match(lines[place]):
        if place > start and (not lines[place] or lines[place] == _HEAD):
            break
        place += 1
    return "\n".join(lines[start:place]), place


def _is_chained(lines: list[str], place: int) -> bool:
    """Whether another traceback follows that belongs to the same exception."""
    following = [line for line in lines[place : place + 4] if line]
    return bool(following) and following[0].startswith(
        ("During handling of the above exception", "The above exception was the direct cause")
    )
