"""Find warnings in the log that a tagger writes to stderr."""

from __future__ import annotations

import re
from collections import Counter

_WARNING = re.compile(
    r"^(?:[^\s\[]{1,40} ){0,3}WARNING:? (?:\S{1,200} )?"
    r"(?:\[(?P<media>[^\n]{1,1000}?)\] )?(?P<text>.+)$"
)
"""As the SDK logs: time, level, logger, `[file]`, text; and as `logging.basicConfig` does."""
_NO_FILE = "-"
MAX_WARNINGS = 1_000
"""Maximum number of distinct warnings kept per log."""


def warnings_in(log: str) -> list[str]:
    """Return the warnings of a log, each once, in order: `file: text (3 times)`."""
    counts: Counter[str] = Counter()
    for line in log.splitlines():
        if "WARNING" not in line[:200] or (match := _WARNING.match(line[:5_000])) is None:
            continue
        media = match["media"] or _NO_FILE
        text = match["text"] if media == _NO_FILE else f"{media}: {match['text']}"
        if text in counts or len(counts) < MAX_WARNINGS:
            counts[text] += 1
    return [text if number == 1 else f"{text} ({number} times)" for text, number in counts.items()]
