"""Replace file hashes by names in texts of workers, which know only the hash."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_CHARACTERS = 4000
"""Maximum characters of a stored error."""


def with_name(text: str, sha256: str, name: str) -> str:
    """Replace the hash of a file, with a suffix or without, by a user's name of it."""
    return re.sub(rf"{re.escape(sha256)}(\.[a-z0-9]{{1,10}})?", lambda _: name, text)


def without_path(text: str, path: Path) -> str:
    """Shorten a tagger's error for storage, and remove the worker's folders from it."""
    return text.replace(f"{path.parent}/", "")[:MAX_CHARACTERS].replace("\0", "\ufffd")
