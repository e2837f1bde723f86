"""Find local media files and read their bytes."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG
from urllib.request import url2pathname

from common_ml.data.clarifai_upload.session import MAX_MESSAGE
from common_ml.data.formats.shared.media_names import url_parts

MAX_FILE = MAX_MESSAGE - (1 << 20)
"""Bytes; the rest of a message is left for metadata."""


def is_local(media: str) -> bool:
    """Whether it is a path or a `file://` URL, not a URL for the platform to fetch."""
    return "://" not in media or media.startswith("file://")


def local_path(media: str, media_root: Path) -> Path:
    """Return the path of a local media file; relative ones start at `media_root`."""
    if media.startswith("file://"):
        return Path(url2pathname(url_parts(media).path))
    return media_root / media


def size_of(path: Path) -> int:
    """Read the bytes of a file that can be sent.

    Raises:
        OSError: it is missing, no regular file, empty or too large.
    """
    found = path.stat()
    if not S_ISREG(found.st_mode):
        raise OSError(f"{str(path)!r} is not a regular file")
    if not found.st_size:
        raise OSError(f"{str(path)!r} is empty")
    if found.st_size > MAX_FILE:
        raise OSError(
            f"{str(path)!r} has {found.st_size} bytes, and at most {MAX_FILE} can be sent: "
            "put it where the platform can fetch it, and give its address"
        )
    return found.st_size
