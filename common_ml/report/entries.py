"""Collect the files of a page: tags, media, and whether these are linked or embedded."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from common_ml.report.columns import shown
from common_ml.report.located import Media, locate
from common_ml.report.thumbnails import MAX_PER_FILE, MAX_PER_PAGE, Thumbnail, thumbnails
from common_ml.report.waveform import MAX_SECONDS_PER_PAGE, waveform

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence
    from pathlib import Path

    from common_ml.report.contents import Contents, TaggedFile

MEDIA_LIMIT_BYTES = 25_000_000
"""Bytes; larger media are linked even with `embed`."""
TIMES_THE_LIMIT = 4
"""Limit of all embedded media together, as a multiple of the limit of one."""


@dataclass(frozen=True)
class PageFile:
    """One file of the page."""

    file: TaggedFile
    media: Media
    thumbnails: Sequence[Thumbnail] = ()
    is_embedded: bool = False
    """Whether the page contains the media."""
    waveform: str = ""
    """Peaks of its sound, see `report.waveform`."""
    is_outside: bool = False
    """Whether it was not embedded because it is outside the given folders."""

    def to_json(self, folder: Path) -> dict[str, Any]:
        """Return the properties of the file as JSON, without its tags.

        Args:
            folder: Folder of the page.
        """
        media = self.media
        return {
            "name": shown(self.file.source_media),
            "done": self.file.is_done,
            "errors": self.file.num_errors,
            "tags": len(self.file.tags),
            "kind": media.kind,
            "note": media.note,
            "src": None if media.path is None or self.is_embedded else _link(media.path, folder),
            "carried": self.is_embedded,
            "mime": _MIME_TYPES.get(media.path.suffix.lower(), "") if media.path else "",
            "width": media.width,
            "height": media.height,
            "duration": media.duration_seconds,
            "rate": media.frame_rate,
            "thumbTimes": [thumbnail.time_ms for thumbnail in self.thumbnails],
            "wave": self.waveform,
            "thumbs": [thumbnail.data_url for thumbnail in self.thumbnails],
        }


def entries(
    contents: Contents,
    folders: Sequence[Path],
    *,
    embed: bool,
    media_limit_bytes: int,
    roots: Sequence[Path],
    known: MutableMapping[str, tuple[Media, str]] | None = None,
) -> list[PageFile]:
    """Return the files of a tags file, with the media that are found in `folders`.

    Args:
        contents: The tags file.
        folders: Folders to search for media.
        embed: Whether to embed media and small pictures.
        media_limit_bytes: Size of the largest media to embed.
        roots: Only media below these folders are embedded. An untrusted tags file may
            name any file of this machine, and the page may be published.
        known: Media and waveforms that were found for an earlier page, by name; new ones are added.
    """
    known = {} if known is None else known
    limit = min(max(MAX_PER_PAGE // max(len(contents.files), 1), 1), MAX_PER_FILE)
    room = TIMES_THE_LIMIT * media_limit_bytes if embed else -1
    made = []
    for file in contents.files:
        media = known[file.source_media][0] if file.source_media in known else None
        media = media or locate(file.source_media, folders)
        num_bytes = media.path.stat().st_size if media.path else 0
        may_embed = embed and media.is_below(roots)
        is_embedded = may_embed and num_bytes <= min(media_limit_bytes, room)
        if is_embedded:
            room -= num_bytes
        moments = [tag.start_time for tag in file.tags] if may_embed else []
        pictures = thumbnails(media, moments, limit=limit) if moments else []
        is_outside = embed and media.path is not None and not may_embed
        made.append(PageFile(file, media, pictures, is_embedded, is_outside=is_outside))
    return _with_waveforms(made, known)


def _with_waveforms(
    found: list[PageFile], known: MutableMapping[str, tuple[Media, str]]
) -> list[PageFile]:
    """Add waveforms within the page's limit: of sound files first, then of films."""
    seconds_left = float(MAX_SECONDS_PER_PAGE)
    waves: dict[int, str] = {}
    for kind in ("audio", "video"):
        for place, entry in enumerate(found):
            if entry.media.kind != kind:
                continue
            name = entry.file.source_media
            waves[place] = known[name][1] if name in known else waveform(entry.media, seconds_left)
            if waves[place]:
                seconds_left -= entry.media.duration_seconds
    for place, entry in enumerate(found):
        if entry.media.path is not None:
            known[entry.file.source_media] = (entry.media, waves.get(place, ""))
    return [replace(entry, waveform=waves.get(place, "")) for place, entry in enumerate(found)]


def _link(path: Path, folder: Path) -> str:
    """Return the URL of the file relative to the page; bytes that are not UTF-8 are kept."""
    way = os.path.relpath(path.absolute(), folder.absolute())
    return "./" + quote(os.fsencode(way))  # "./": else a colon in a name would look like a scheme


_MIME_TYPES = {
    ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png",
    ".webp": "image/webp", ".avif": "image/avif", ".bmp": "image/bmp",
    ".m4v": "video/mp4", ".mkv": "video/x-matroska", ".mov": "video/mp4", ".mp4": "video/mp4",
    ".ogv": "video/ogg", ".webm": "video/webm",
    ".aac": "audio/aac", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg",
    ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
}  # fmt: skip
"""MIME types of embedded media; without one a browser sniffs."""
