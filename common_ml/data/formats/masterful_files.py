"""Pictures and label masks of a Masterful folder: fetched, several at a time, and renumbered."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from common_ml.data.formats.masks import counted
from common_ml.data.formats.masterful_lines import Entry, Paths, Refusal, is_writable
from common_ml.data.formats.pixels import file_name, is_url, local_file
from common_ml.data.formats.web import Web
from common_ml.errors import DataError, MediaError
from common_ml.media.kinds import kind_by_name

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from common_ml.data.formats.masterful_ids import Ids
    from common_ml.data.record import Mask

    Numbers = npt.NDArray[np.uint8]

WORKERS = 8
FOLDER = "images"
_SUFFIXES = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"GIF8", ".gif"), (b"BM", ".bmp"),
             (b"II*\0", ".tif"), (b"MM\0*", ".tif"))  # fmt: skip


class Files:
    """The files of one folder."""

    def __init__(
        self,
        folder: Path,
        ids: Ids,
        mask_format: str,
        media_root: str | os.PathLike[str] | None,
        *,
        fetch_images: bool,
    ) -> None:
        self._folder = folder
        self._ids = ids
        self._mask_format = mask_format
        self._media_root = media_root
        self._fetch_images = fetch_images
        self._web = Web()

    def collected(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Paths | Refusal]]:
        """Each entry, in order, with where its files are, or why they are not to be had."""
        taken: set[str] = set()
        names = [_free_stem(entry.name, taken) for entry in entries]
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="masterful")
        try:
            yield from zip(entries, pool.map(self._collect, entries, names), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)

    def _collect(self, entry: Entry, stem: str) -> Paths | Refusal:
        mask = ""
        try:
            if entry.masks:
                mask = self._mask_path(entry, stem)
            picture = self._fetched(entry, stem) if self._fetch_images else entry.media
        except (DataError, MediaError, FileNotFoundError) as error:
            return Refusal(str(error))
        return Paths(picture, mask)

    def _fetched(self, entry: Entry, stem: str) -> str:
        self._images().mkdir(exist_ok=True)
        suffix = PurePosixPath(entry.name).suffix
        if kind_by_name(entry.name) != "image":
            suffix = PurePosixPath(file_name(entry.media)).suffix
        part = self._images() / f"{stem}.part"
        self._get(entry.media, part)
        if kind_by_name(f"x{suffix}") != "image":
            suffix = _suffix_of(part)
        part.replace(self._images() / f"{stem}{suffix}")
        return f"{FOLDER}/{stem}{suffix}"

    def _get(self, media: str, target: Path) -> None:
        path = local_file(media, self._media_root)
        if path is not None:
            shutil.copyfile(path, target)
        elif is_url(media):
            self._web.download(media, target)
        else:
            raise FileNotFoundError(f"there is no picture {media!r}")

    def _images(self) -> Path:
        return self._folder / FOLDER

    def _mask_path(self, entry: Entry, stem: str) -> str:
        """Where the label mask is: left where it is if that will do, else written."""
        image = entry.masks[0][1].image
        if image and not self._fetch_images:
            problem = self._why_not_as_it_is(entry)
            if problem is None:
                return image
            if local_file(image, self._media_root) is None:
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
        """The label image with ids in place of its own numbers."""
        from common_ml.media.images import read_image  # noqa: PLC0415 - loads PyAV and OpenCV

        mask = entry.masks[0][1]
        path = local_file(mask.image, self._media_root)
        fetched = None
        if path is None:
            self._images().mkdir(exist_ok=True)
            path = fetched = self._images() / f"{stem}_label.part"
            self._get(mask.image, fetched)
        try:
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
        """A label image of masks; later ones lie over earlier ones."""
        numbers: Numbers | None = None
        for label, mask in entry.masks:
            runs = counted(mask, self._media_root)
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
        from common_ml.media.images import write_grey  # noqa: PLC0415 - loads PyAV and OpenCV

        self._images().mkdir(exist_ok=True)
        name = f"{stem}_label.{self._mask_format}"
        write_grey(self._images() / name, numbers)
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
    """A stem that neither it nor its mask's shares with another, without regard to case."""
    plain = "".join("_" if letter in ',/\\:*?"<>|\0\n\r' else letter for letter in name)
    first = PurePosixPath(plain).stem.strip(" .") or "image"
    stem, number = first, 1
    while {stem.lower(), f"{stem}_label".lower()} & taken:
        number += 1
        stem = f"{first}_{number}"
    taken |= {stem.lower(), f"{stem}_label".lower()}
    return stem


def _suffix_of(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return ".webp"
    return next((suffix for magic, suffix in _SUFFIXES if head.startswith(magic)), ".jpg")
