"""`Dataset`: open, query, slice, split, iterate and export annotated media."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args, overload

import numpy as np

from common_ml.data import export, manifest
from common_ml.data.clips import ClipOptions, Clips
from common_ml.data.description import Description, summarise
from common_ml.data.pixels import Pixels
from common_ml.data.sample import Sample
from common_ml.data.sample_reader import SampleReader
from common_ml.data.selection import Selection
from common_ml.data.splitting import split_by_group
from common_ml.data.statistics import Statistics, distributions
from common_ml.data.store.catalogue import Catalogue
from common_ml.data.store.sources import listed
from common_ml.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from common_ml.data.record import Record
    from common_ml.data.report import Report
    from common_ml.data.store.duckdb_store import Per
    from common_ml.data.store.sources import Sources
    from common_ml.types import StrPath

By = Literal["media", "record"]
"""What `split` keeps together."""
PixelType = Literal["uint8", "float32"]
"""Value range of pictures as tensors: 0..255, or 0..1."""


class Dataset(Sequence[Sample]):
    """Records of tags files and other annotations, with their pixels.

    with Dataset.open("tags/*.jsonl", media_root="media", per="frame") as dataset:
        cars = dataset.slice("labels.car > 3")
        cars[0].image, cars[0].boxes

    Everything is read lazily. It can be sent to other processes.
    """

    def __init__(self, selection: Selection, pixels: Pixels) -> None:
        """Use `open`; this makes a slice.

        Args:
            selection: The records.
            pixels: Reads the pictures.
        """
        self._selection = selection
        self._catalogue = selection.catalogue
        self._pixels = pixels
        self._samples = SampleReader(selection, pixels)

    @classmethod
    def open(
        cls,
        sources: Sources,
        media_root: StrPath | None = None,
        *,
        per: Per = "media",
        format: str | None = None,  # noqa: A002 - the word for it
        follow: bool = False,
        cache_dir: StrPath | None = None,
        **options: Any,
    ) -> Dataset:
        """Open tags files (.jsonl), what `to_parquet` writes, or files of an outside format.

        Files of verdicts (.verdicts.jsonl), which the page of tags saves, go with tags files.

        Args:
            sources: A file, folder or glob, or many; or, as a dict, the value of `dataset.tag` in
                queries -> files that have it. Media of one name are one record, whichever files
                their tags are in.
            media_root: Folder of the media that tags and annotations name; by default the working
                directory.
            per: "media": a record for each file; "frame": one for each tagged frame, and for each
                picture.
            format: Name of an outside format, such as "coco"; see `common_ml.data.formats`. By
                default files that are neither tags nor Parquet are recognised by their content.
            follow: Whether the files may grow, and more appear in the folders: every access to
                the dataset includes what is new.
            cache_dir: Where to keep the tags in a form that is quick to query while the dataset is
                open, about a twentieth of their size; by default where temporary files go.
            options: For the reader of the format, such as `download`. Two are for sources of any
                kind: `on_error="skip"` leaves out annotations that cannot be used, and `report` is
                the `Report` that says what; tags files and Parquet have neither.

        Raises:
            DatasetError: a source does not exist, or is of an unknown kind.
            WireError: a line of a tags file is no message.
            FormatError: a file of an outside format cannot be read.
        """
        if per not in {"media", "frame"}:
            raise DatasetError(f"per must be 'media' or 'frame', got {per!r}")
        catalogue = Catalogue(
            listed(sources),
            per=per,
            format=format,
            options=options,
            media_root=None if media_root is None else os.fspath(media_root),
            follow=follow,
            cache_dir=None if cache_dir is None else os.fspath(cache_dir),
        )
        unknown = [name for name in options if name not in {"on_error", "report"}]
        if unknown and not any(file.kind == "format" for file in catalogue.files):
            raise DatasetError(f"unknown option {unknown[0]!r}: it needs format=...")
        return cls._whole(catalogue, media_root)

    @classmethod
    def from_records(
        cls,
        records: Iterable[Record],
        media_root: StrPath | None = None,
        *,
        per: Per = "media",
        cache_dir: StrPath | None = None,
    ) -> Dataset:
        """Make a dataset of records that are in no file; they are stored on disk."""
        folder = None if cache_dir is None else os.fspath(cache_dir)
        return cls._whole(Catalogue.of_records(records, per=per, cache_dir=folder), media_root)

    @classmethod
    def from_manifest(cls, path: StrPath, media_root: StrPath | None = None) -> Dataset:
        """Open the samples that `freeze` wrote to a manifest.

        Args:
            path: The manifest.
            media_root: As in `open`; by default that of the manifest.

        Raises:
            DatasetError: a source has changed or does not exist any more; the message names it.
        """
        frozen = manifest.read(path)
        root = frozen["media_root"] if media_root is None else os.fspath(media_root)
        catalogue = manifest.catalogue_of(frozen, root)
        dataset = cls._whole(catalogue, root)
        numbers = manifest.numbers_of(frozen, catalogue)
        return dataset._chosen(numbers, tuple(frozen["queries"]))

    @classmethod
    def _whole(cls, catalogue: Catalogue, media_root: StrPath | None) -> Dataset:
        pixels = Pixels(media_root)
        return cls(Selection(catalogue, pixels.resolve), pixels)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> Dataset: ...
    def __getitem__(self, place: int | slice) -> Sample | Dataset:
        """Return a sample by index, from the end if negative; or the dataset of several indices."""
        if isinstance(place, slice):
            return self._chosen(np.sort(self.numbers[place]))
        index = operator.index(place)
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"sample index must be below {count}, the number of samples: {index}")
        return self._samples.at(index % count)

    def prepare_random_access(self) -> None:
        """Prepare random access to samples: about 2 s for a million annotations, once.

        It happens automatically after some reads; call it before a dataset is sent to processes.
        Sources that grow are left as they are.
        """
        if not self._catalogue.follow:
            self._catalogue.store.prepare_random_access()

    def __iter__(self) -> Iterator[Sample]:
        """Iterate over the samples; records are read in blocks, and each video is decoded once."""
        return iter(self._samples)

    def records(self) -> Iterator[Record]:
        """Iterate over the records, without opening the media."""
        return self._selection.records()

    def __enter__(self) -> Dataset:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pixels.close()

    def __repr__(self) -> str:
        queries = "".join(f".slice({query!r})" for query in self._selection.queries)
        return f"Dataset({len(self)} records){queries}"

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Indices of the records in the whole dataset, ascending: int64, shape (len(self),)."""
        return self._selection.numbers

    @property
    def labels(self) -> dict[str, int]:
        """All labels of the whole dataset, also in slices: name -> number, from 1 on.

        0 is reserved for the background class of detectors.
        """
        self._catalogue.refresh()
        return dict(self._catalogue.label_ids)

    @property
    def label_ids(self) -> dict[str, int]:
        """Alias of `labels`."""
        return self.labels

    def slice(self, query: str) -> Dataset:
        """Select the records that match a query such as `labels.car > 3 and labels.person = 0`.

        Names: `labels.<name>` (how often the record has it), `file.<field>`, `attributes.<name>`,
        `dataset.id`, `dataset.tag`, and for single annotations `confidence`, `track`, `label`,
        `start_time`, `end_time` (milliseconds), `value`, `verdict`, `note`.

        Raises:
            QueryError: not one boolean expression, or an unknown name.
        """
        return Dataset(self._selection.narrowed(query), self._pixels)

    def split(
        self, shares: Mapping[str, float], *, seed: int = 0, by: By = "media"
    ) -> dict[str, Dataset]:
        """Split into disjoint random parts.

        Args:
            shares: Name -> share of the whole, which add up to 1.
            seed: The same seed always gives the same parts.
            by: What is kept together: all frames of a "media", or nothing but each "record".

        Raises:
            DatasetError: the shares do not add up to 1.
        """
        if by not in get_args(By):
            raise DatasetError(f"by must be one of {', '.join(get_args(By))}, got {by!r}")
        heads = self._selection.heads()
        groups = [head.media if by == "media" else str(head.number) for head in heads]
        try:
            assigned = split_by_group(groups, shares, seed)
        except ValueError as error:
            raise DatasetError(str(error)) from error
        parts: dict[str, list[int]] = {name: [] for name in shares}
        for head, part in zip(heads, assigned, strict=True):
            parts[part].append(head.number)
        return {name: self._chosen(np.array(sorted(one), np.int64)) for name, one in parts.items()}

    def describe(self) -> Description:
        """Return summary statistics."""
        self._catalogue.refresh()
        return summarise(self._catalogue, self.numbers)

    def statistics(self) -> Statistics:
        """Count labels, confidences, durations, sizes and places of boxes, what occurs together."""
        self._catalogue.refresh()
        return distributions(self._catalogue, self.numbers)

    def freeze(self, path: StrPath) -> None:
        """Write a manifest of these samples: queries, sources with hashes, ids.

        Raises:
            DatasetError: the records are in no file.
            OSError: the manifest cannot be written.
        """
        manifest.write(
            path, self._catalogue, self.numbers, self._selection.queries, self._pixels.media_root
        )

    def to_parquet(self, path: StrPath) -> None:
        """Write the records as Parquet, which `open` reads; lossless."""
        self._catalogue.refresh()
        export.to_parquet(self._catalogue.store, self.numbers, path)

    def to_jsonl(self, path: StrPath) -> Report:
        """Write the tags as a tags file.

        Returns:
            The report; what a tags file cannot hold, such as absent labels, is skipped.
        """
        return export.to_jsonl(self.records(), path)

    def clips(
        self, seconds: float, *, fps: float | None = None, max_size: int | None = None
    ) -> Clips:
        """Cut the videos into clips of one length; read in order, each is decoded once.

        Args:
            seconds: Length of a clip; what is left at the end of a video is left out.
            fps: Frames per second, each the nearest to a grid; None: all frames.
            max_size: Pixels that the longer side has at most; larger frames are scaled down.

        Raises:
            DatasetError: the records are frames.
            ValueError: an option is out of its range.
        """
        if self._catalogue.per != "media":
            raise DatasetError("clips are cut from whole videos; hint: open with per='media'")
        return Clips(self, self._pixels, ClipOptions(seconds, fps, max_size))

    def to_pytorch(
        self,
        transform: Callable[[Any], Any] | None = None,
        *,
        pixels: PixelType = "uint8",
        clip_seconds: float | None = None,
        clip_fps: float | None = None,
    ) -> Any:
        """Return a map-style `torch.utils.data.Dataset`; see `common_ml.data.torch`.

        Args:
            transform: Sample (or clip) -> item; by default what detectors take.
            pixels: Of the pictures of default items: "uint8", 0..255, or "float32", 0..1, which
                torchvision's detectors take as they are.
            clip_seconds: Items are clips of that length, see `clips`; None: single pictures.
            clip_fps: Frames per second of clips.

        Raises:
            MissingExtraError: torch is not installed.
        """
        from common_ml.data import torch

        if clip_seconds is None:
            return torch.map_style(self, transform, pixels=pixels)
        return torch.map_style_clips(self.clips(clip_seconds, fps=clip_fps), transform)

    def to_pytorch_iterable(
        self,
        transform: Callable[[Any], Any] | None = None,
        *,
        shuffle_buffer: int = 0,
        seed: int = 0,
        pixels: PixelType = "uint8",
        clip_seconds: float | None = None,
        clip_fps: float | None = None,
    ) -> Any:
        """Return an iterable `torch.utils.data.IterableDataset`; see `common_ml.data.torch`.

        Args:
            transform: Sample (or clip) -> item; by default what detectors take.
            shuffle_buffer: Number of items in the shuffle buffer; 0: no shuffling.
            seed: Seed of the order.
            pixels: As in `to_pytorch`.
            clip_seconds: Items are clips of that length, see `clips`; None: single pictures.
            clip_fps: Frames per second of clips.

        Raises:
            MissingExtraError: torch is not installed.
        """
        from common_ml.data import torch

        if clip_seconds is None:
            return torch.iterable(
                self, transform, shuffle_buffer=shuffle_buffer, seed=seed, pixels=pixels
            )
        clips = self.clips(clip_seconds, fps=clip_fps)
        return torch.iterable_clips(clips, transform, shuffle_buffer=shuffle_buffer, seed=seed)

    def to_tensorflow(self, transform: Callable[[Sample], Any] | None = None) -> Any:
        """Return a `tf.data.Dataset`; see `common_ml.data.tensorflow`.

        Raises:
            MissingExtraError: tensorflow is not installed.
        """
        from common_ml.data.tensorflow import tf_dataset

        return tf_dataset(self, transform)

    def _chosen(
        self, numbers: npt.NDArray[np.int64], queries: tuple[str, ...] | None = None
    ) -> Dataset:
        """Return a slice of certain records."""
        return Dataset(self._selection.of(numbers, queries), self._pixels)

    def record_id(self, number: int) -> str:
        """Return the id, in its source, of the record with a number."""
        return self._catalogue.store.record(number).id

    def together(self, places: Sequence[int]) -> Iterator[tuple[int, Sample]]:
        """Iterate over the samples of a batch with their positions, in the order of decoding.

        Frames of one video are decoded in one pass if the pictures are read in this order.
        """
        return self._samples.batch(places)

    def in_decoding_order(self, numbers: npt.NDArray[np.int64]) -> Dataset:
        """Return the dataset of these records, in this order, which may be any."""
        return self._chosen(numbers)

    def places(self) -> dict[str, npt.NDArray[np.int64]]:
        """Return per record, by file: number, media (a number), slot (the frame, or -1)."""
        return self._selection.places()
