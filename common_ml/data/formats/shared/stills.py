"""Select the records that a format of still pictures can hold, and name their files."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from common_ml.data.formats.shared.media_names import full_name, is_still, is_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.record import Record
    from common_ml.data.report import Report

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
SPLIT = "split"
"""Metadata key of a record's part of the dataset."""
TOO_LONG = "its name is too long for a file"
"""Why a record is left out."""
_MAX_NAME_BYTES = 240
"""File systems allow 255 bytes, with an extension and the name of a partial file."""
_MAX_PATH_BYTES = 3000
"""The system allows 4,095 bytes, with the folder of the dataset."""


def stills(
    records: Iterable[Record], media: MediaFiles, report: Report, *, needs_size: bool
) -> Iterator[Record]:
    """Yield the records about still pictures, with their sizes; report the others.

    Args:
        records: Any.
        media: Finds the pictures.
        report: Receives what is left out.
        needs_size: Whether a picture whose size is unknown cannot be written.
    """
    for record in records:
        if record.kind in ("video", "audio") or not (record.kind or is_still(record)):
            report.skip(record.id, f"is {record.kind or 'of unknown kind'}, not a picture")
            continue
        known = media.sized(record) if needs_size or record.unit == "pixel" else record
        is_sized = known.width is not None and known.height is not None
        if not is_sized and (needs_size or known.unit == "pixel"):
            report.skip(record.id, "the size of its picture is unknown; hint: pass media_root")
            continue
        if known.unit == "pixel" and known.width is not None and known.height is not None:
            known = known.in_ratio(known.width, known.height)
        yield known


def relative_name(media: str) -> str:
    """Return a path for a copy of a media: its own where it is relative, else its name."""
    path = PurePosixPath(_UNPRINTABLE.sub("_", full_name(media)).strip())
    if is_url(media) or path.is_absolute() or ".." in path.parts or not path.name:
        return path.name or "picture"
    return str(path)


class UniqueNames:
    """Assign paths whose names differ in more than the extension."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, media: str) -> str:
        """Return the path for a copy of a media; a number is added where the name is taken."""
        path = PurePosixPath(relative_name(media))
        found, number = path, 1
        while str(found.with_suffix("")).casefold() in self._taken:
            number += 1
            found = path.with_name(f"{path.stem}_{number}{path.suffix}")
        self._taken.add(str(found.with_suffix("")).casefold())
        return str(found)


def is_too_long(path: str) -> bool:
    """Return whether file systems refuse a path of a dataset, below its folder, as too long."""
    parts = [len(os.fsencode(part)) for part in path.split("/")]
    return max(parts) > _MAX_NAME_BYTES or sum(parts) + len(parts) > _MAX_PATH_BYTES


def split_of(record: Record, default: str = "train") -> str:
    """Return the part that a record belongs to."""
    value = record.metadata.get(SPLIT)
    return value if isinstance(value, str) and value.isidentifier() else default


def place_picture(source: Path, target: Path) -> None:
    """Link a picture into a dataset, or copy it where links are impossible."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        os.link(source.resolve(), target)
        return
    shutil.copyfile(source, target)
