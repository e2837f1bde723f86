"""Tags as a dataset: counted, looked at, queried, split, written."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from common_ml.data import export, manifest
from common_ml.data.catalog import Catalog
from common_ml.data.chosen import chosen
from common_ml.data.description import Description, describe
from common_ml.data.pixels import Pixels
from common_ml.data.sample import Sample
from common_ml.data.selection import select
from common_ml.data.sources import listed
from common_ml.data.splitting import parts_of
from common_ml.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from common_ml.data.record import Record
    from common_ml.data.report import Report
    from common_ml.data.sources import AnyPath, Sources
    from common_ml.data.splitting import By
    from common_ml.data.store import Head, Per

RECORDS_AHEAD = 256
TAGS_AHEAD = 20_000
"""Records are read in blocks of at most so many, with at most so many annotations."""


class Dataset(Sequence[Sample]):
    """Records of tags files and other annotations, with their pixels.

    with Dataset.open("tags/*.jsonl", media_root="media", per="frame") as dataset:
        cars = dataset.slice("labels.car > 3")
        cars[0].image, cars[0].boxes

    Only what is asked for is read. It can be sent to other processes.
    """

    def __init__(
        self,
        catalog: Catalog,
        pixels: Pixels,
        *,
        queries: tuple[str, ...] = (),
        numbers: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Use `open`; this makes a slice.

        Args:
            catalog: The whole dataset.
            pixels: Reads the pictures.
            queries: What the records have in common.
            numbers: Of the records, ascending, where they were chosen in another way.
        """
        self._catalog = catalog
        self._pixels = pixels
        self._queries = queries
        self._given = numbers
        self._found: npt.NDArray[np.int64] | None = None
        self._edition = -1
        self._block: dict[int, Record] = {}  # place -> record, read ahead
        self._last_place = -2

    @classmethod
    def open(
        cls,
        sources: Sources,
        media_root: AnyPath | None = None,
        *,
        per: Per = "media",
        format: str | None = None,  # noqa: A002 - the word for it
        follow: bool = False,
        cache_dir: AnyPath | None = None,
        **options: Any,
    ) -> Dataset:
        """Open tags files (.jsonl), what `to_parquet` writes, or files of an outside format.

        Args:
            sources: A file, folder or glob, or many; or, as a dict, the value of `dataset.tag` in
                queries -> files that have it. Media of one name are one record, whatever files
                their tags are in.
            media_root: Folder of the media that the tags name; by default the working directory.
            per: "media": a record for each file; "frame": one for each tagged frame, and for each
                picture.
            format: Name of an outside format, such as "coco"; see `common_ml.data.formats`.
            follow: Whether the files may grow, and more come into the folders: every look at the
                dataset takes in what is new.
            cache_dir: Where to keep the tags in a form that is quick to query while the dataset is
                open, about a twentieth of their size; by default where temporary files go.
            options: For the reader of the format.

        Raises:
            DatasetError: a source is not there, or of an unknown kind.
            WireError: a line of a tags file is no message.
            FormatError: a file of an outside format cannot be read.
        """
        if per not in {"media", "frame"}:
            raise DatasetError(f"per must be 'media' or 'frame', got {per!r}")
        if options and format is None:
            raise DatasetError(f"unknown option {next(iter(options))!r}: it needs format=...")
        catalog = Catalog(
            listed(sources),
            per=per,
            format=format,
            options=options,
            follow=follow,
            cache_dir=None if cache_dir is None else os.fspath(cache_dir),
        )
        return cls(catalog, Pixels(media_root))

    @classmethod
    def from_records(
        cls,
        records: Iterable[Record],
        media_root: AnyPath | None = None,
        *,
        per: Per = "media",
        cache_dir: AnyPath | None = None,
    ) -> Dataset:
        """A dataset of records that are in no file; taken as they come, and kept on disk."""
        folder = None if cache_dir is None else os.fspath(cache_dir)
        return cls(Catalog.of_records(records, per=per, cache_dir=folder), Pixels(media_root))

    @classmethod
    def from_manifest(cls, path: AnyPath, media_root: AnyPath | None = None) -> Dataset:
        """The samples that `freeze` wrote down.

        Args:
            path: The manifest.
            media_root: As of `open`; by default what it was.

        Raises:
            DatasetError: a source has changed, or is not there any more; says which and how.
        """
        frozen = manifest.read(path)
        catalog = manifest.catalog_of(frozen)
        root = frozen["media_root"] if media_root is None else media_root
        dataset = cls(catalog, Pixels(root))
        numbers = manifest.numbers_of(frozen, catalog)
        return dataset._chosen(numbers, tuple(frozen["queries"]))

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> Dataset: ...
    def __getitem__(self, place: int | slice) -> Sample | Dataset:
        """A sample by its place, from the end if negative; or the dataset of several places."""
        if isinstance(place, slice):
            return self._chosen(np.sort(self.numbers[place]))
        index = operator.index(place)
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"sample index must be below {count}, the number of samples: {index}")
        index %= count
        in_order = index == self._last_place + 1
        self._last_place = index
        return self._sample(index, self._record(index, ahead=in_order), in_order=in_order)

    def __iter__(self) -> Iterator[Sample]:
        """The samples in order; records are read in blocks, and each video is decoded once."""
        for place, record in enumerate(self.records()):
            yield self._sample(place, record, in_order=True)

    def records(self) -> Iterator[Record]:
        """The records in order, without any look at the media."""
        place = 0
        while True:
            numbers = self.numbers
            if place >= len(numbers):
                return
            for heads in _blocks(self._heads(numbers[place : place + RECORDS_AHEAD])):
                yield from self._catalog.store.records(heads)
                place += len(heads)

    def __enter__(self) -> Dataset:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pixels.close()

    def __repr__(self) -> str:
        queries = "".join(f".slice({query!r})" for query in self._queries)
        return f"Dataset({len(self)} records){queries}"

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Places of the records in the whole dataset, ascending: int64, shape (len(self),)."""
        self._catalog.refresh()
        if self._found is None or self._edition != self._catalog.edition:
            self._edition = self._catalog.edition
            self._found = self._find()
            self._block.clear()
        return self._found

    @property
    def labels(self) -> dict[str, int]:
        """All labels of the whole dataset, also in slices: name -> number, from 1 on.

        0 is left for what detectors call background.
        """
        self._catalog.refresh()
        return self._catalog.label_ids

    @property
    def label_ids(self) -> dict[str, int]:
        """The same as `labels`."""
        return self.labels

    def slice(self, query: str) -> Dataset:
        """The records that a query is true of, such as `labels.car > 3 and labels.person = 0`.

        Names: `labels.<name>` (how often the record has it), `file.<field>`, `attributes.<name>`,
        `dataset.id`, `dataset.tag`, and for single annotations `confidence`, `track`, `label`,
        `start_time`, `end_time` (milliseconds), `value`.

        Raises:
            QueryError: not one yes-or-no expression, or a name that there is not.
        """
        selected = self._select(query)  # what is wrong with it is said here, in any case
        queries = (*self._queries, query)
        if self._catalog.follow:
            return Dataset(self._catalog, self._pixels, queries=queries, numbers=self._given)
        return self._chosen(np.intersect1d(self.numbers, selected), queries)

    def split(
        self, shares: Mapping[str, float], *, seed: int = 0, by: By = "media"
    ) -> dict[str, Dataset]:
        """Parts at random, with nothing in two of them.

        Args:
            shares: Name -> share of the whole, which add up to 1.
            seed: Another one gives other parts; the same one always the same.
            by: What is kept together: all frames of a "media", or each "record" for itself.

        Raises:
            DatasetError: the shares do not add up to 1.
        """
        heads = self._heads(self.numbers)
        parts = parts_of(heads, shares, seed=seed, by=by)
        return {name: self._chosen(np.array(found, np.int64)) for name, found in parts.items()}

    def describe(self) -> Description:
        """What there is, in numbers."""
        self._catalog.refresh()
        return describe(self._catalog, self.numbers)

    def freeze(self, path: AnyPath) -> None:
        """Write down which samples these are: queries, sources with hashes, ids.

        Raises:
            DatasetError: the records are in no file.
            OSError: the manifest cannot be written.
        """
        manifest.write(path, self._catalog, self.numbers, self._queries, self._pixels.media_root)

    def to_parquet(self, path: AnyPath) -> None:
        """Write the records as Parquet, which `open` takes: nothing is lost."""
        self._catalog.refresh()
        export.to_parquet(self._catalog.store, self.numbers, path)

    def to_jsonl(self, path: AnyPath) -> Report:
        """Write the tags as a tagger would: a tags file.

        Returns:
            What a tags file cannot hold, such as labels that are said to be absent, is skipped.
        """
        return export.to_jsonl(self.records(), path)

    def to_pytorch(self, transform: Callable[[Sample], Any] | None = None) -> Any:
        """A map-style `torch.utils.data.Dataset`; see `common_ml.data.torch`.

        Raises:
            MissingExtraError: torch is not installed.
        """
        from common_ml.data.torch import map_style  # noqa: PLC0415 - loads torch

        return map_style(self, transform)

    def to_pytorch_iterable(
        self,
        transform: Callable[[Sample], Any] | None = None,
        *,
        shuffle_buffer: int = 0,
        seed: int = 0,
    ) -> Any:
        """An iterable `torch.utils.data.IterableDataset`; see `common_ml.data.torch`.

        Raises:
            MissingExtraError: torch is not installed.
        """
        from common_ml.data.torch import iterable  # noqa: PLC0415 - loads torch

        return iterable(self, transform, shuffle_buffer=shuffle_buffer, seed=seed)

    def to_tensorflow(self, transform: Callable[[Sample], Any] | None = None) -> Any:
        """A `tf.data.Dataset`; see `common_ml.data.tensorflow`.

        Raises:
            MissingExtraError: tensorflow is not installed.
        """
        from common_ml.data.tensorflow import tf_dataset  # noqa: PLC0415 - loads tensorflow

        return tf_dataset(self, transform)

    def _find(self) -> npt.NDArray[np.int64]:
        numbers = self._given
        if numbers is None:
            numbers = np.arange(self._catalog.store.num_records)
        for query in self._queries:
            numbers = np.intersect1d(numbers, self._select(query), assume_unique=True)
        return numbers

    def _select(self, query: str) -> npt.NDArray[np.int64]:
        catalog = self._catalog
        return select(
            catalog.store,
            query,
            labels=self.labels,
            tags=catalog.tags,
            resolve=self._pixels.resolve,
            facts=catalog.facts,
        )

    def _chosen(
        self, numbers: npt.NDArray[np.int64], queries: tuple[str, ...] | None = None
    ) -> Dataset:
        """A slice of certain records."""
        made = Dataset(self._catalog, self._pixels, numbers=numbers)
        made._queries = self._queries if queries is None else queries
        made._found, made._edition = numbers, self._catalog.edition
        return made

    def in_decoding_order(self, numbers: npt.NDArray[np.int64]) -> Dataset:
        """The records with these numbers, in this very order, which may be any."""
        return self._chosen(numbers)

    def places(self) -> dict[str, npt.NDArray[np.int64]]:
        """The records by file: number, media (a number for each), slot (the frame, or -1)."""
        store = self._catalog.store
        with store.engine() as connection:
            chosen(connection, store, self.numbers)
            columns = connection.execute(
                "SELECT number, first_value(number) OVER (PARTITION BY media ORDER BY number) "
                "AS media, slot FROM chosen ORDER BY number"
            ).fetchnumpy()
        return {name: np.asarray(column, np.int64) for name, column in columns.items()}

    def _heads(self, numbers: npt.NDArray[np.int64]) -> list[Head]:
        return self._catalog.store.heads(numbers.tolist())

    def _record(self, place: int, *, ahead: bool) -> Record:
        if place not in self._block:
            wanted = self.numbers[place : place + (RECORDS_AHEAD if ahead else 1)]
            heads = next(_blocks(self._heads(wanted)))
            self._block = dict(enumerate(self._catalog.store.records(heads), start=place))
        return self._block[place]

    def _sample(self, place: int, record: Record, *, in_order: bool) -> Sample:
        def ahead() -> list[int]:
            return self._frames_behind(place)

        return Sample(
            record,
            number=int(self._found_numbers()[place]),
            label_ids=self._catalog.label_ids,
            pixels=self._pixels,
            ahead=ahead if in_order else None,
        )

    def _frames_behind(self, place: int) -> list[int]:
        """The frames of the same video that the next records are about."""
        (first,) = self._heads(self.numbers[place : place + 1])
        found: list[int] = []
        for start in range(place + 1, len(self._found_numbers()), RECORDS_AHEAD):
            for head in self._heads(self._found_numbers()[start : start + RECORDS_AHEAD]):
                if head.media != first.media or head.slot < 0:
                    return found
                found.append(head.slot)
        return found

    def _found_numbers(self) -> npt.NDArray[np.int64]:
        return self.numbers if self._found is None else self._found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_found": self.numbers, "_block": {}, "_last_place": -2}


def _blocks(heads: list[Head]) -> Iterator[list[Head]]:
    """Neighbours that are read at once."""
    block: list[Head] = []
    num_tags = 0
    for head in heads:
        if block and num_tags + head.num_tags > TAGS_AHEAD:
            yield block
            block, num_tags = [], 0
        block.append(head)
        num_tags += head.num_tags
    if block:
        yield block
