"""Fetch pictures and label masks of a Masterful folder in parallel; renumber the masks."""

from __future__ import annotations

import errno
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from common_ml.data.formats.masterful.entries import Entry, Refusal, is_writable
from common_ml.data.formats.masterful.lines import EntryPaths
from common_ml.data.formats.shared.downloads import suffix_of
from common_ml.data.formats.shared.masks import counted
from common_ml.data.formats.shared.media_names import file_name, is_url
from common_ml.data.formats.shared.web import Web
from common_ml.errors import DataError, MediaError
from common_ml.media.kinds import kind_by_name, media_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from common_ml.data.formats.masterful.ids import Ids
    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.record import Mask

    Numbers = npt.NDArray[np.uint8]

WORKERS = 8
MAX_PICTURE_BYTES = 512 << 20
"""Maximum size of a picture that is downloaded."""
FOLDER = "images"


class Files:
    """The files of one folder."""

    def __init__(
        self,
        folder: Path,
        ids: Ids,
        mask_format: str,
        media: MediaFiles,
        *,
        fetch_images: bool,
    ) -> None:
        self._folder = folder
        self._ids = ids
        self._mask_format = mask_format
        self._media = media
        self._fetch_images = fetch_images
        self._web = Web(max_bytes=MAX_PICTURE_BYTES)

    def collected(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, EntryPaths | Refusal]]:
        """Yield each entry, in order, with its file paths, or why they are unavailable."""
        taken: set[str] = set()
        names = [_free_stem(entry.name, taken) for entry in entries]
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="masterful")
        try:
            yield from zip(entries, pool.map(self._collect, entries, names), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)

    def _collect(self, entry: Entry, stem: str) -> EntryPaths | Refusal:
        mask = ""
        try:
            if entry.masks:
                mask = self._mask_path(entry, stem)
            picture = self._fetched(entry, stem) if self._fetch_images else entry.media
        except (DataError, MediaError, FileNotFoundError) as error:
            return Refusal(str(error))
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return Refusal("its name is too long for a file")
        return EntryPaths(picture, mask)

    def _fetched(self, entry: Entry, stem: str) -> str:
        self._images().mkdir(exist_ok=True)
        suffix = PurePosixPath(entry.name).suffix
        if kind_by_name(entry.name) != "image":
            suffix = PurePosixPath(file_name(entry.media)).suffix
        part = self._images() / f"{stem}.part"
        try:
            self._get(entry.media, part)
            if kind_by_name(f"x{suffix}") != "image":
                suffix = suffix_of(_head(part))
            part.replace(self._images() / f"{stem}{suffix}")
        finally:
            part.unlink(missing_ok=True)
        return f"{FOLDER}/{stem}{suffix}"

    def _get(self, media: str, target: Path) -> None:
        path = self._media.find(media)
        if path is not None:
            self._check_may_be_copied(path)
            shutil.copyfile(path, target)
        elif is_url(media):
            self._web.download(media, target)
            if media_kind(target) != "image":
                raise FileNotFoundError(f"what {media!r:.200} answers is not a picture")
        else:
            raise FileNotFoundError(f"there is no picture {media!r}")

    def _check_may_be_copied(self, path: Path) -> None:
        """Check that an annotation file cannot expose arbitrary local files as pictures."""
        if media_kind(path) != "image":
            raise FileNotFoundError(f"{str(path)!r} is not a picture")
        if not self._media.is_allowed(path):
            raise FileNotFoundError(
                f"{str(path)!r} lies outside of the folder of the media; hint: give media_root"
            )

    def _images(self) -> Path:
        return self._folder / FOLDER

    def _mask_path(self, entry: Entry, stem: str) -> str:
        """Return the path of the label mask: the original if usable, else written."""
        image = entry.masks[0][1].image
        if image and not self._fetch_images:
            problem = self._why_not_as_it_is(entry)
            if problem is None:
                return image
            if self._media.find(image) is None:
                raise _mask_error(problem)
        numbers = self._numbers(entry, stem) if image else self._painted(entry)
        return self._written(numbers, stem)

    def _why_not_as_it_is(self, entry: Entry) -> str | None:
        mask = entry.masks[0][1]
        if not is_writable(mask.image):
            return f"the path of its mask has a comma: {mask.image!r}"
        if mask.encoding != "gray8":
            return "its label image has three channels: it has to be downloaded to become one"
        if self._mask_format != "png":
            return "its label image has to be downloaded to become a JPEG"
        changed = [label for label, index in entry.indices if self._ids.of.get(label) != index]
        if changed:
            return f"{changed[0]!r} has several numbers: label images have to be downloaded"
        return None

    def _numbers(self, entry: Entry, stem: str) -> Numbers:
        """Replace the numbers of the label image by ids."""
        from common_ml.media.images import read_image

        mask = entry.masks[0][1]
        path = self._media.find(mask.image)
        fetched = None
        if path is None:
            self._images().mkdir(exist_ok=True)
            path = fetched = self._images() / f"{stem}_label.part"
        try:
            if fetched is not None:
                self._get(mask.image, fetched)
            rgb = read_image(path)
        finally:
            if fetched is not None:
                fetched.unlink(missing_ok=True)
        return self._renumbered(entry, _own_numbers(rgb, mask))

    def _renumbered(self, entry: Entry, own: npt.NDArray[np.int64]) -> Numbers:
        pairs = [*entry.indices, *((label, mask.index) for label, mask in entry.masks if label)]
        of = {index: self._id(label) for label, index in pairs}
        of[0] = 0
        found = np.unique(own)
        unknown = [int(number) for number in found if int(number) not in of]
        if unknown:
            raise _mask_error(f"its label image has the number {unknown[0]}, which no label has")
        # searchsorted and not a table: numbers of three channels go up to 16 million
        table = np.array([of[int(number)] for number in found], np.uint8)
        return table[np.searchsorted(found, own)]

    def _painted(self, entry: Entry) -> Numbers:
        """Make a label image of masks; later ones overwrite earlier ones."""
        numbers: Numbers | None = None
        for label, mask in entry.masks:
            runs = counted(mask, self._media)
            if runs is None:
                raise _mask_error(f"the label image {mask.image!r} is not here")
            inside = runs.to_array()
            if numbers is None:
                numbers = np.zeros(inside.shape, np.uint8)
            if numbers.shape != inside.shape:
                raise _mask_error("its masks are of different sizes")
            numbers[inside] = self._id(label)
        if numbers is None:
            raise _mask_error("has no mask")
        return numbers

    def _id(self, label: str) -> int:
        number = self._ids.of[label]
        if number > 255:
            raise _mask_error(f"the id of {label!r} is {number}, and a mask holds up to 255")
        return number

    def _written(self, numbers: Numbers, stem: str) -> str:
        from common_ml.media.images import write_image

        self._images().mkdir(exist_ok=True)
        name = f"{stem}_label.{self._mask_format}"
        write_image(self._images() / name, numbers)
        return f"{FOLDER}/{name}"


def _own_numbers(rgb: Numbers, mask: Mask) -> npt.NDArray[np.int64]:
    channels = rgb.astype(np.int64)
    if mask.encoding == "rgb24":
        numbers: npt.NDArray[np.int64] = channels @ np.array((1, 256, 65536))
        return numbers
    if (rgb != rgb[:, :, :1]).any():
        raise _mask_error(f"its label image {mask.image!r} has colours, and not one channel")
    return channels[:, :, 0]


class _MaskError(DataError, ValueError):
    """A record's mask cannot be written."""


def _mask_error(reason: str) -> _MaskError:
    return _MaskError(reason)


def _free_stem(name: str, taken: set[str]) -> str:
    """Return a stem that is unique for picture and mask, ignoring case."""
    plain = "".join("_" if letter in ',/\\:*?"<>|\0\n\r' else letter for letter in name)
    first = PurePosixPath(plain).stem.strip(" .") or "image"
    stem, number = first, 1
    while {stem.lower(), f"{stem}_label".lower()} & taken:
        number += 1
        stem = f"{first}_{number}"
    taken |= {stem.lower(), f"{stem}_label".lower()}
    return stem


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(12)
