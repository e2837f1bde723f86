"""Parse media names: file name, kind by extension, and candidate paths below a folder."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from common_ml.media.kinds import kind_by_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.record import Kind, Record

_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""Prefix that Label Studio adds to the name of an uploaded file."""
_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
_STILL_ENDINGS = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*://")
_LOCAL_FILES = "/data/local-files/"
"""Label Studio's URL of a local file: the path is in the query `d`."""


def is_url(media: str) -> bool:
    """Whether a media is a URL and not a path."""
    return _SCHEME.match(media) is not None


def scheme_of(media: str) -> str:
    """Return the scheme of a URL in lower case; "" for a path."""
    return media.partition("://")[0].lower() if is_url(media) else ""


def url_parts(url: str) -> SplitResult:
    """Split a URL; one whose host is malformed (`http://[e]/a.jpg`) has none."""
    try:
        return urlsplit(url)
    except ValueError:
        scheme, _, rest = url.partition("://")
        _, slash, rest = rest.partition("/")
        rest, _, fragment = rest.partition("#")
        path, _, query = rest.partition("?")
        return SplitResult(scheme.lower(), "", slash + path, query, fragment)


def storage_address(media: str) -> str:
    """Return the address that Label Studio hides: `/tasks/1/presign/?fileuri=<base64>`.

    Any other text stays as it is.
    """
    if "fileuri=" not in media:
        return media
    values = parse_qs(url_parts(media).query).get("fileuri", [""])
    text = values[0].replace(" ", "+").replace("-", "+").replace("_", "/")
    try:
        found = b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except ValueError:
        return media
    return found if is_url(found) else media


def file_name(media: str) -> str:
    """Return the last part of a path or URL, without query."""
    path = full_name(media)
    name = PurePosixPath(path).name
    return _UPLOAD_PREFIX.sub("", name) if _is_upload(path) else name


def kind_of(media: str) -> Kind:
    """Return the kind of media by extension; "" where unknown."""
    kind = kind_by_name(file_name(media))
    return "" if kind == "unknown" else kind


def names_of_still(media: str) -> list[str]:
    """Return the names that the file of a picture may have whose name is given without ending."""
    return [] if kind_of(media) else [media + ending for ending in _STILL_ENDINGS]


def is_still(record: Record) -> bool:
    """Whether the record is about a still picture, without times and frames."""
    return (record.kind or kind_of(record.media)) == "image"


def full_name(media: str) -> str:
    """Return the normalised path of a media, with `/`; equal paths are one media."""
    local = _local_files_path(media)
    if local is not None:
        return _slashed(local)
    if is_url(media):
        return unquote(url_parts(media).path)
    return _slashed(media)


def names_below(media: str) -> Iterator[str]:
    """Yield candidate relative paths of a media below a folder, the most specific first.

    These are the path as it is and unquoted, then without its leading folders one by one,
    and the name that an uploaded file had.
    """
    seen: set[str] = set()
    first = full_name(media)
    variants = [first] if is_url(media) else [first, unquote(first)]
    for variant in variants:
        parts = [one for one in _DRIVE.sub("", variant).split("/") if one not in ("", ".")]
        if ".." in parts:
            parts = parts[len(parts) - parts[::-1].index("..") :]
        for start in range(len(parts)):
            name = "/".join(parts[start:])
            if name not in seen:
                seen.add(name)
                yield name
        if parts and _is_upload(variant):
            plain = _UPLOAD_PREFIX.sub("", parts[-1])
            if plain not in seen:
                seen.add(plain)
                yield plain


def _is_upload(path: str) -> bool:
    return "upload/" in path and _UPLOAD_PREFIX.match(PurePosixPath(path).name) is not None


def _local_files_path(media: str) -> str | None:
    if _LOCAL_FILES not in media and not media.startswith("?d="):
        return None
    values = parse_qs(url_parts(media).query).get("d")
    return values[0] if values else None


def _slashed(path: str) -> str:
    """Replace the backslashes of Windows by `/`."""
    return path.replace("\\", "/") if "\\" in path else path
