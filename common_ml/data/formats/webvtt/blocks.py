r"""Split a WebVTT file into blocks, as the specification's parser does.

Source: W3C, WebVTT: The Web Video Text Tracks Format, section 6.1 (WebVTT file parsing) and 6.3
(timings). A line with an arrow begins a cue wherever it stands, so a missing blank line behind the
header or between cues loses nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BLANKS = " \t\f\r\n"
_TIME = re.compile(r"(?:(\d+):)?(\d\d):(\d\d)\.(\d{3})(?!\d)", re.ASCII)
_ARROW = "-->"
_SUBRIP = re.compile(r"\ufeff?\d+[ \t]*(?:\r\n|\r|\n)\d+:\d\d:\d\d,\d{3}[ \t]*-->", re.ASCII)
_COMMA = re.compile(r"(\d\d),(\d{3})", re.ASCII)
_SUBRIP_PLACE = re.compile(r"\{\\[^}]*\}")


@dataclass(frozen=True)
class Block:
    """Lines that belong together."""

    line: int
    """Number of its first line, or of its timing line, counted from 1."""
    text: str
    """What is below the timing line, or all of it."""
    timing: str | None = None
    """The line with the arrow; None: it is not a cue."""


def lines_of(text: str) -> list[str]:
    """Return the lines of a file; NUL becomes U+FFFD, as specified."""
    return re.split(r"\r\n|\r|\n", text.replace("\0", "\ufffd"))


def is_subrip(text: str) -> bool:
    """Whether a file is SubRip (.srt): a number, and times with commas on the next line."""
    return _SUBRIP.match(text) is not None


def from_subrip(lines: Sequence[str]) -> list[str]:
    """Return as many lines of WebVTT; places in braces behind a backslash are lost."""
    changed = [
        _COMMA.sub(r"\1.\2", line) if _ARROW in line else _SUBRIP_PLACE.sub("", line)
        for line in lines
    ]
    return ["WEBVTT", *changed[1:]]  # instead of the number of the first cue


def is_header(line: str) -> bool:
    """Whether the first line is the WebVTT signature."""
    return line == "WEBVTT" or line.startswith(("WEBVTT ", "WEBVTT\t"))


def blocks_of(lines: Sequence[str]) -> Iterator[Block]:
    """Yield the blocks after the header."""
    place = 1
    while place < len(lines) and lines[place] and _ARROW not in lines[place]:
        place += 1  # the rest of the header
    while place < len(lines):
        if not lines[place]:
            place += 1
            continue
        block, place = _collected(lines, place)
        yield block


def _collected(lines: Sequence[str], start: int) -> tuple[Block, int]:
    """Return the block that begins at a non-empty line, and where the next one may begin."""
    place = start
    timing_at: int | None = None
    held: list[str] = []
    while place < len(lines) and lines[place]:
        line = lines[place]
        if _ARROW in line:
            if timing_at is not None or place > start + 1:
                break  # of the next block
            timing_at, held = place, []  # the lines before are the name of the cue
        else:
            held.append(line)
        place += 1
    text = "\n".join(held)
    if timing_at is None:
        return Block(start + 1, text), place
    return Block(timing_at + 1, text, lines[timing_at]), place


def times_of(timing: str) -> tuple[float, float] | None:
    """Parse start and end in seconds from a line with an arrow; None: a time is invalid.

    Hours may have any number of digits, and blanks around the arrow are not needed; settings
    behind the times are left out.
    """
    first, _, rest = timing.partition(_ARROW)
    start = _TIME.fullmatch(first.strip(_BLANKS))
    end = _TIME.match(rest.lstrip(_BLANKS))
    if start is None or end is None:
        return None
    seconds = _seconds(start), _seconds(end)
    return None if None in seconds else seconds  # type: ignore[return-value]  # checked


def _seconds(match: re.Match[str]) -> float | None:
    hours, minutes, seconds, milliseconds = match.groups()
    if int(minutes) > 59 or int(seconds) > 59 or len(hours or "") > 9:
        return None
    total = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return (total * 1000 + int(milliseconds)) / 1000
