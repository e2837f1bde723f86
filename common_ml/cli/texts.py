"""Foreign texts and times, fit for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""The text in one line, without what a terminal would obey: `\x1b` instead of an escape."""
    return "".join(
        character if character.isprintable() else _escaped(character) for character in text
    )


def clock(seconds: float) -> str:
    """`75.25` as `1:15.250`, and hours before that where there are any."""
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
