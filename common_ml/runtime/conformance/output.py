"""Watch the output file as it grows: complete lines, torn writes, times of arrival."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_POLL_SECONDS = 0.001
_BURST_SECONDS = 0.02
"""Seconds of busy polling after new output: messages seldom come alone, and the two halves of a
torn write may be microseconds apart."""
_LOOKS_IN_A_BURST = 20
_MAX_TORN = 20
_PAGE_BYTES = 4096
_IN_KERNEL_SECONDS = 0.05
"""A write that goes over the end of a page can be seen in two parts for some microseconds: that is
the kernel's doing. A writer that leaves a line there does so for longer."""


@dataclass(frozen=True)
class Line:
    """A complete line of the output file."""

    raw: bytes
    """Without the newline."""
    kind: str
    """The message's type; "" where the line is not a message."""
    data: dict[str, Any] = field(default_factory=dict)
    """The message's data."""
    problem: str = ""
    """Why it is not a message; "" if it is one."""

    @property
    def media(self) -> str | None:
        """The file that it is about, if it says so."""
        name = self.data.get("source_media")
        return name if isinstance(name, str) else None

    @property
    def excerpt(self) -> str:
        """The start of the line, shortened for people."""
        text = self.raw[:120].decode(errors="backslashreplace")
        return text + ("..." if len(self.raw) > 120 else "")


class OutputWatch:
    """Follows a file while it is written. Not thread-safe."""

    def __init__(self, path: Path, *, existing: bytes = b"") -> None:
        """Start after the existing content.

        Args:
            path: The output file, which need not be there yet.
            existing: What the file holds before the tagger starts.
        """
        self.path = path
        self.lines: list[Line] = []
        """Whole lines so far, behind what stood there before."""
        self.torn: list[bytes] = []
        """Ends of the file that were seen without their newline, the first ones only."""
        self._offset = len(existing)
        self._tail = b""
        self.last_news = -math.inf
        """When something new was seen, on the clock of time.monotonic()."""

    def look(self) -> bool:
        """Poll for new messages; return whether there were any."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            new = os.pread(descriptor, 1 << 24, self._offset + len(self._tail))
        finally:
            os.close(descriptor)
        now = time.monotonic()
        if not new:
            self._check_page_end(now)
            return False
        self.last_news = now
        *whole, tail = (self._tail + new).split(b"\n")
        self.lines += [parsed(raw) for raw in whole]
        self._offset += sum(len(raw) + 1 for raw in whole)
        self._tail = tail
        if tail and (self._offset + len(tail)) % _PAGE_BYTES:
            self._note_torn()
        return True

    def pause(self) -> None:
        """Sleep until the next poll is due; return at once while output keeps arriving."""
        if time.monotonic() - self.last_news > _BURST_SECONDS:
            time.sleep(_POLL_SECONDS)
            return
        for _ in range(_LOOKS_IN_A_BURST):
            if self.look():
                return
        time.sleep(0)

    def content(self) -> bytes:
        """The whole file, as it stands."""
        return self.path.read_bytes() if self.path.exists() else b""

    def _check_page_end(self, now: float) -> None:
        """The file ends where it did before: if that is in a line, at a page's end, it stays so."""
        at_page_end = (self._offset + len(self._tail)) % _PAGE_BYTES == 0
        if self._tail and at_page_end and now - self.last_news > _IN_KERNEL_SECONDS:
            self._note_torn()

    def _note_torn(self) -> None:
        known = bool(self.torn) and self.torn[-1] == self._tail
        if not known and len(self.torn) < _MAX_TORN:
            self.torn.append(self._tail)


def parsed(raw: bytes) -> Line:
    """A line, and the message in it if it is one."""
    try:
        document = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        return Line(raw, "", problem=f"not valid JSON: {error}")
    if not isinstance(document, dict) or document.keys() != {"type", "data"}:
        return Line(raw, "", problem='not of the form {"type": ..., "data": {...}}')
    kind, data = document["type"], document["data"]
    if not isinstance(kind, str) or not isinstance(data, dict):
        return Line(raw, "", problem="its type is not a text, or its data not an object")
    return Line(raw, kind, data)


def messages_in(text: str) -> list[Line]:
    """The lines of a text that look like messages."""
    lines = (parsed(line.encode(errors="replace")) for line in text.splitlines())
    return [line for line in lines if line.kind]


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")
