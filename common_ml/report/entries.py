"""The files of a page: each with its tags, its media, and how the page gets at these."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from common_ml.report.located import Media, locate
from common_ml.report.thumbnails import MOST_PER_FILE, MOST_PER_PAGE, Thumbnail, thumbnails

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from common_ml.report.contents import Contents, TaggedFile

MEDIA_LIMIT_BYTES = 25_000_000
"""Larger media are linked even where the page is to carry them."""
TIMES_THE_LIMIT = 4
"""All media in a page together take at most this many times the limit of one."""


@dataclass(frozen=True)
class Entry:
    """One file of the page."""

    file: TaggedFile
    media: Media
    thumbnails: Sequence[Thumbnail] = ()
    is_carried: bool = False
    """Whether the page has the media inside."""

    def to_json(self, folder: Path) -> dict[str, Any]:
        """What the page has to know before it shows the file; its tags stand elsewhere.

        Args:
            folder: Where the page will be.
        """
        media = self.media
        return {
            "name": self.file.source_media,
            "done": self.file.is_done,
            "errors": self.file.num_errors,
            "tags": len(self.file.tags),
            "kind": media.kind,
            "note": media.note,
            "src": None if media.path is None or self.is_carried else _link(media.path, folder),
            "carried": self.is_carried,
            "mime": _MIME_TYPES.get(media.path.suffix.lower(), "") if media.path else "",
            "width": media.width,
            "height": media.height,
            "duration": media.duration_seconds,
            "rate": media.frame_rate,
            "thumbTimes": [thumbnail.time_ms for thumbnail in self.thumbnails],
            "thumbs": [thumbnail.data_url for thumbnail in self.thumbnails],
        }


def entries(
    contents: Contents, folders: Sequence[Path], *, embed: bool, media_limit_bytes: int
) -> list[Entry]:
    """The files of a tags file, with their media as far as they are found in `folders`."""
    most = min(max(MOST_PER_PAGE // max(len(contents.files), 1), 1), MOST_PER_FILE)
    room = TIMES_THE_LIMIT * media_limit_bytes if embed else -1
    made = []
    for file in contents.files:
        media = locate(file.source_media, folders)
        num_bytes = media.path.stat().st_size if media.path else 0
        is_carried = media.path is not None and num_bytes <= min(media_limit_bytes, room)
        if is_carried:
            room -= num_bytes
        moments = [tag.start_time for tag in file.tags] if embed else []
        pictures = thumbnails(media, moments, most=most) if moments else []
        made.append(Entry(file, media, pictures, is_carried))
    return made


def _link(path: Path, folder: Path) -> str:
    """The way from the page to the file; bytes that are no UTF-8 stay the same bytes."""
    way = os.path.relpath(path.absolute(), folder.absolute())
    return "./" + quote(os.fsencode(way))  # "./": a colon in a name makes no scheme of it


_MIME_TYPES = {
    ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png",
    ".webp": "image/webp", ".avif": "image/avif", ".bmp": "image/bmp",
    ".m4v": "video/mp4", ".mkv": "video/x-matroska", ".mov": "video/mp4", ".mp4": "video/mp4",
    ".ogv": "video/ogg", ".webm": "video/webm",
    ".aac": "audio/aac", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg",
    ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
}  # fmt: skip
"""What a browser is told that the media inside the page are; without it, it looks for itself."""
