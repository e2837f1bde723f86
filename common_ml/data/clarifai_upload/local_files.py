"""Media on this machine: where they are, and their bytes."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG
from urllib.parse import urlsplit
from urllib.request import url2pathname

from common_ml.data.clarifai_upload.session import LARGEST_MESSAGE

LARGEST_FILE = LARGEST_MESSAGE - (1 << 20)
"""Bytes; the rest of a message is for what is said about it."""


def is_local(media: str) -> bool:
    """Whether it is a path (or a `file://` address) and not something for the platform to fetch."""
    return "://" not in media or media.startswith("file://")


def local_path(media: str, media_root: Path) -> Path:
    """The path of a local media; relative ones start at `media_root`."""
    if media.startswith("file://"):
        return Path(url2pathname(urlsplit(media).path))
    return media_root / media


def size_of(path: Path) -> int:
    """Bytes of a file that can be sent.

    Raises:
        OSError: it is missing, no regular file, empty or too large.
    """
    found = path.stat()
    if not S_ISREG(found.st_mode):
        raise OSError(f"{str(path)!r} is no regular file")
    if not found.st_size:
        raise OSError(f"{str(path)!r} is empty")
    if found.st_size > LARGEST_FILE:
        raise OSError(
            f"{str(path)!r} has {found.st_size} bytes, and at most {LARGEST_FILE} can be sent: "
            "put it where the platform can fetch it, and give its address"
        )
    return found.st_size
