"""Safe media types for serving uploads: never one that a browser would execute."""

from __future__ import annotations

from pathlib import PurePosixPath

_TYPES: dict[str, dict[str, str]] = {
    "image": {
        ".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif", ".jfif": "image/jpeg",
        ".jpe": "image/jpeg", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png",
        ".webp": "image/webp", ".tif": "image/tiff", ".tiff": "image/tiff",
    },
    "video": {
        ".m4v": "video/mp4", ".mkv": "video/x-matroska", ".mov": "video/mp4", ".mp4": "video/mp4",
        ".mpeg": "video/mpeg", ".mpg": "video/mpeg", ".ogv": "video/ogg", ".webm": "video/webm",
    },
    "audio": {
        ".aac": "audio/aac", ".flac": "audio/flac", ".m4a": "audio/mp4", ".mp3": "audio/mpeg",
        ".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
    },
}  # fmt: skip
"""Kind by content -> extension -> media type: a name alone cannot make a file a script."""
_OF_KIND = {"text": "text/plain; charset=utf-8", "video": "video/mp4", "audio": "audio/mpeg"}
_UNKNOWN = "application/octet-stream"


def content_type(kind: str, name: str) -> str:
    """Return the type of a file by its kind and name; SVG and HTML are served as plain text."""
    extension = PurePosixPath(name).suffix.lower()
    return _TYPES.get(kind, {}).get(extension) or _OF_KIND.get(kind, _UNKNOWN)
