"""Tags files for the tests of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.tagging.messages import FrameInfo, Tag
from common_ml.tagging.tags_file.codec import encode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from common_ml.tagging.messages import Message

FILE = "media/clip.mp4"
Corners = tuple[float, float, float, float]


def run(start: int, end: int, text: str = "cat", *, file: str = FILE, track: str = "") -> Tag:
    """A tag about a stretch of time."""
    return Tag(start, end, text, file, track)


def seen(
    at: int,
    text: str = "cat",
    box: Corners | None = None,
    *,
    file: str = FILE,
    track: str = "",
    confidence: float | None = None,
) -> Tag:
    """A tag about the frame at a time, of a film with 25 frames per second."""
    corners = None if box is None else dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))
    info = None if confidence is None else {"confidence": confidence}
    return Tag(at, at, text, file, track, info, FrameInfo(at // 40, corners))


def write_tags(path: Path, messages: Iterable[Message]) -> Path:
    """Writes messages as a tagger does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(encode, messages)))
    return path
