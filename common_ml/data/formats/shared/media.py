"""Find the media of records: below a folder, by the names that tools use, or downloaded."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from common_ml.data.formats.shared.downloads import Downloads, default_folder
from common_ml.data.formats.shared.media_names import (
    full_name,
    is_url,
    names_below,
    scheme_of,
    url_parts,
)
from common_ml.data.formats.shared.named_paths import is_file
from common_ml.data.formats.shared.picture_size import decoded_size, picture_size
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.to_ratio import in_ratio
from common_ml.data.formats.shared.turned import turned
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.data.record import Record
    from common_ml.types import StrPath

    Size = tuple[int, int]

_NAME_KEYS = ("original_filename", "filename", "file_name")
"""Metadata keys that may hold the original file name."""
TURNED = "picture turned by its EXIF orientation: boxes turned along"


class MediaFiles:
    """Locates media for one reader or writer."""

    def __init__(
        self,
        media_root: StrPath | None = None,
        *,
        download: bool = False,
        downloads: Downloads | None = None,
        policy: ErrorPolicy | None = None,
    ) -> None:
        """Prepare; no file is searched yet.

        Args:
            media_root: Folder of the media; None: media are where their paths say.
            download: Fetch media from addresses that are not found below the folder.
            downloads: The cache; by default the user's.
            policy: Policy of the reader; repairs are counted in its report.
        """
        self._root = None if media_root is None else Path(media_root)
        self._downloads = downloads or (Downloads(default_folder()) if download else None)
        self._policy = policy or ErrorPolicy()
        self._taken: dict[Path, str] = {}

    def find(self, media: str, *other_names: str) -> Path | None:
        """Find the local file of a media; None where there is none.

        Below the folder it is searched by its path, unquoted and with either slash, without its
        leading folders, by the name before an upload, and by the other names.

        Raises:
            FormatError: another media was already matched to the same file.
        """
        for candidate in self._candidates(media, *other_names):
            if is_file(candidate):
                return self._claimed(candidate, media)
        return None

    def get(self, media: str, *other_names: str) -> Path | None:
        """Find the file or download it if allowed; None where there is none.

        Raises:
            FormatError: as `find`.
            ServiceError: it cannot be downloaded.
            MissingExtraError: an address of a cloud, without fsspec.
        """
        found = self.find(media, *other_names)
        if found is not None or self._downloads is None or scheme_of(media) in ("", "file"):
            return found
        return self._downloads.fetch(media)

    def is_allowed(self, path: Path) -> bool:
        """Whether a file may be copied: it lies below the folder, or the working directory."""
        roots = [Path.cwd()] if self._root is None else [self._root]
        own = [] if self._downloads is None else [self._downloads.folder]
        real = path.resolve()
        return any(real.is_relative_to(root.resolve()) for root in [*roots, *own])

    def finished(
        self, record: Record, *, size: Size | None = None, names: Sequence[str] = ()
    ) -> Record:
        """Return the record with its file, and with geometry as 0..1 if its size is available.

        The size is the recorded one, else `size`, else the picture's own. A picture below the
        folder must have the recorded size; where only its EXIF orientation makes the difference,
        boxes are rotated with it. Its file may also have one of `names`.

        Raises:
            FormatError: the picture has another size than the recorded one; or as `get`.
            ServiceError: as `get`.
        """
        path = None
        if self._root is not None or self._downloads is not None:
            path = self.get(record.media, *names, *other_names(record))
            if path is not None:
                record = replace(record, media=os.fspath(path))
        known = known_size(record)
        if path is not None and known is not None and record.kind in ("image", ""):
            return self._checked(in_ratio(record, *known, self._policy), path, known)
        if record.unit == "ratio":
            return record
        known = known or size or self._own_size(record, path)
        return record if known is None else in_ratio(record, *known, self._policy)

    def sized(self, record: Record) -> Record:
        """Return the record with its picture's size, if that is available."""
        if known_size(record) is not None:
            return record
        found = self._own_size(record, self.get(record.media, *other_names(record)))
        return record if found is None else replace(record, width=found[0], height=found[1])

    def _own_size(self, record: Record, path: Path | None) -> Size | None:
        if record.kind not in ("image", ""):
            return None
        path = path or self.find(record.media, *other_names(record))
        found = None if path is None else picture_size(path)
        return None if found is None else found.upright

    def _checked(self, record: Record, path: Path, known: Size) -> Record:
        found = picture_size(path)
        if found is None or found.upright == known:
            return record
        if found.stored == known and found.orientation >= 5:
            self._policy.repair(TURNED)
            return turned(record, found.orientation)
        decoded = decoded_size(path)
        if decoded is None or decoded.stored == known:
            return record
        (width, height), name = decoded.stored, os.fspath(path)
        raise FormatError(
            f"{name}: has {width} x {height} pixels, and {known[0]} x {known[1]} are recorded for "
            f"{record.id!r}: boxes would lie on other pixels; hint: use the picture that was "
            "annotated",
            path=name,
        )

    def _claimed(self, path: Path, media: str) -> Path:
        name = full_name(media)
        other = self._taken.setdefault(path, name)
        if other != name:
            raise FormatError(
                f"{os.fspath(path)}: would be the file of both {other!r} and {name!r}; hint: keep "
                "the folders of the media below media_root",
                path=path,
            )
        return path

    def _candidates(self, media: str, *other_names: str) -> list[Path]:
        found = []
        if scheme_of(media) == "file":
            found.append(Path(unquote(url_parts(media).path)))
        elif not is_url(media):
            found += [Path(one) for one in dict.fromkeys((media, full_name(media)))]
        if self._root is not None:
            for name in (media, *other_names):
                found += [self._root / one for one in names_below(name)]
        return found


def other_names(record: Record) -> list[str]:
    """Return possible original file names of a record, from its metadata."""
    values = (record.metadata.get(key) for key in _NAME_KEYS)
    return [value for value in values if isinstance(value, str) and value]


def known_size(record: Record) -> Size | None:
    """Return the size that the record states; None unless it has both width and height."""
    if record.width is None or record.height is None:
        return None
    return record.width, record.height


def pixel_scale(record: Record) -> Size | None:
    """Return the factors, across and down, that convert boxes and polygons to pixels.

    (1, 1) where they are pixels; None where they are 0..1 of a size that is not known, as it is
    with a width alone.
    """
    return (1, 1) if record.unit == "pixel" else known_size(record)


def sized(record: Record, media_root: StrPath | None = None) -> Record:
    """Return the record with its picture's size, if that is available."""
    return MediaFiles(media_root).sized(record)
