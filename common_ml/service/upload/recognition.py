"""Detect the kind of an uploaded file by its content: image, video, audio or text."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Literal

from common_ml.errors import MediaError
from common_ml.media.kinds import kind_by_name, media_kind

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

FileKind: TypeAlias = Literal["image", "video", "audio", "text", "unknown"]
_CHUNK_BYTES = 1 << 20
_NOT_IN_TEXT = bytes(sorted(frozenset(range(32)) - frozenset(b"\t\n\r\f\x0b\x1b")))
"""Control characters that mark a binary file; the others appear in logs and old documents."""


def file_kind(path: Path, *, name: str = "") -> FileKind:
    """Return the kind of a stored file.

    Args:
        path: The file; its own name does not matter.
        name: The client's file name, used only for truncated or damaged media.

    Raises:
        OSError: the file cannot be read.
    """
    if not path.stat().st_size:
        return "unknown"
    try:
        kind = media_kind(path)
    except MediaError:
        kind = "unknown"
    if kind != "unknown":
        return kind
    if _is_text(path):
        return "text"
    return kind_by_name(name) if name else "unknown"


def _is_text(path: Path) -> bool:
    """Whether all of a file is UTF-8 without control characters."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                if len(chunk.translate(None, _NOT_IN_TEXT)) != len(chunk):
                    return False
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
