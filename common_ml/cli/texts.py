"""Format untrusted texts, times and counts for a terminal."""

from __future__ import annotations

MAX_SHOWN = 200
"""Characters of a name or tag in a table or list."""
MAX_MESSAGE = 2_000
"""Characters of a message."""


def printable(text: str, *, limit: int = MAX_MESSAGE) -> str:
    r"""Return the text on one line, with control characters escaped: `\x1b`.

    Args:
        text: Any text.
        limit: Maximum characters; the rest is cut.
    """
    shown = text if len(text) <= limit else f"{text[:limit]}…"
    return "".join(
        character if character.isprintable() else _escaped(character) for character in shown
    )


def clock(seconds: float) -> str:
    """Format `75.25` as `1:15.250`, with hours where there are any."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{rest // 1000:02}.{rest % 1000:03}"


def plural(number: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
