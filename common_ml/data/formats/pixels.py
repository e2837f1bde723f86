"""Records in pixels become 0..1 where the size of their picture can be found out."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from common_ml.media.kinds import kind_by_name

if TYPE_CHECKING:
    from common_ml.data.record import Kind, Record

    Size = tuple[int, int]
    """Width and height, upright, in pixels."""


def is_url(media: str) -> bool:
    """Whether a media is an address and not a path."""
    return "://" in media


def file_name(media: str) -> str:
    """The last part of a path or address, without query."""
    path = unquote(urlsplit(media).path) if is_url(media) else media
    return PurePosixPath(path).name


def kind_of(media: str) -> Kind:
    """What kind of media the name promises; "" where it promises nothing."""
    kind = kind_by_name(file_name(media))
    return "" if kind == "unknown" else kind


def is_still(record: Record) -> bool:
    """Whether the record is about a still picture, so that times and frames say nothing."""
    return (record.kind or kind_of(record.media)) == "image"


def local_file(media: str, media_root: str | os.PathLike[str] | None) -> Path | None:
    """The file of a media on this machine: as it is named, or by its name under `media_root`."""
    candidates = [] if is_url(media) else [Path(media)]
    if media_root is not None:
        root = Path(media_root)
        candidates += [] if is_url(media) else [root / media]
        candidates.append(root / file_name(media))
    return next((path for path in candidates if path.is_file()), None)


def in_ratio(
    record: Record,
    *,
    size: Size | None = None,
    media_root: str | os.PathLike[str] | None = None,
) -> Record:
    """The record with boxes and polygons as 0..1, if the size of its picture is to be had.

    That is the size in the record, or `size`, or the picture's own, opened where `local_file`
    finds it. Without one the record stays in pixels, which its `unit` says. A picture that is
    found under `media_root` becomes the record's media.
    """
    if media_root is not None:
        found = local_file(record.media, media_root)
        record = record if found is None else replace(record, media=os.fspath(found))
    if record.unit == "ratio":
        return record
    known = known_size(record) or size or _size_on_disk(record, None)
    return record if known is None else record.in_ratio(*known)


def sized(record: Record, media_root: str | os.PathLike[str] | None = None) -> Record:
    """The record with its picture's size, if that is to be had."""
    if known_size(record) is not None:
        return record
    found = _size_on_disk(record, media_root)
    return record if found is None else replace(record, width=found[0], height=found[1])


def known_size(record: Record) -> Size | None:
    """What the record itself says."""
    if record.width is None or record.height is None:
        return None
    return record.width, record.height


def _size_on_disk(record: Record, media_root: str | os.PathLike[str] | None) -> Size | None:
    path = local_file(record.media, media_root)
    return None if path is None or record.kind not in ("image", "") else _size_of(os.fspath(path))


@lru_cache(maxsize=1024)
def _size_of(path: str) -> Size:
    from common_ml.media.images import read_image  # noqa: PLC0415 - loads PyAV and OpenCV

    # decoded and not only its header: which way up it is decides which side is the width
    height, width = read_image(path).shape[:2]
    return width, height
