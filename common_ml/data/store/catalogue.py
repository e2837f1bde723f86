"""`Catalogue`: index the source files of a dataset, once or as they grow; number its labels."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from common_ml.data import formats
from common_ml.data.store.duckdb_store import Per, Store
from common_ml.data.store.indexing import part_of_parquet, part_of_records, parts_of_spans
from common_ml.data.store.sources import Source, SourceFile, bytes_of, files_of, span_of
from common_ml.data.store.verdicts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from common_ml.data.record import Record
    from common_ml.data.store.facts import Facts
    from common_ml.data.store.sources import Span


class Catalogue:
    """The state that all slices of a dataset share: sources, store, labels."""

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        per: Per = "media",
        format: str | None = None,  # noqa: A002 - the word for it
        options: Mapping[str, Any] | None = None,
        media_root: str | None = None,
        follow: bool = False,
        ends: Mapping[str, int] | None = None,
        cache_dir: str | None = None,
    ) -> None:
        """Index the sources.

        Args:
            sources: Files, folders and globs.
            per: Unit of a record.
            format: Name of the outside format that the sources are in.
            options: Options for the reader of the format.
            media_root: Folder of the media, for the reader of the format as well.
            follow: Whether the sources may grow, and more appear.
            ends: File -> offset after the last line to read; other files are read whole.
            cache_dir: Folder for the index files while the dataset is open.
        """
        self.sources = tuple(sources)
        self.per = per
        self.format = format
        self.options = dict(options or {})
        self._media_root = {} if media_root is None else {"media_root": media_root}
        self.follow = follow
        self.store = Store(per, parent=cache_dir)
        self.files: list[SourceFile] = []
        self.facts: dict[str, Facts] = {}
        self.edition = 0
        """Incremented whenever there is more data."""
        self._ends = dict(ends or {})
        self._read: dict[str, int] = {}  # tags file -> offset read so far
        self._label_ids: dict[str, int] = {}
        self._labels_of = -1  # edition that the labels are of
        self._lock = threading.RLock()
        self._take_in()

    @classmethod
    def of_records(cls, records: Iterable[Record], *, per: Per, cache_dir: str | None) -> Catalogue:
        """Make a catalogue of records that are in no file."""
        made = cls((), per=per, cache_dir=cache_dir)
        made.store.add([part_of_records(records, made.store.new_path("part"), source="")])
        return made

    def refresh(self) -> None:
        """Index what was added since, if the sources may grow."""
        if self.follow:
            with self._lock:
                self._take_in()

    @property
    def tags(self) -> dict[str, str]:
        """File -> its value of `dataset.tag`."""
        return {file.path: file.tag for file in self.files}

    @property
    def verdicts(self) -> list[str]:
        """Files of verdicts."""
        return [file.path for file in self.files if file.kind == "verdicts"]

    @property
    def label_ids(self) -> dict[str, int]:
        """Label -> number, from 1 on, in alphabetical order.

        Labels that appear later, in files that grow, get the next numbers. The mapping is never
        changed afterwards; do not change it either.
        """
        with self._lock:
            if self._labels_of != self.edition:
                with self.store.engine() as connection:
                    found = connection.execute(
                        f"SELECT DISTINCT label FROM {self.store.rows_sql()} "
                        "WHERE label IS NOT NULL"
                    ).fetchall()
                new = sorted({row[0] for row in found} - self._label_ids.keys())
                first = max(self._label_ids.values(), default=0) + 1
                numbered = {label: number for number, label in enumerate(new, start=first)}
                self._label_ids = {**self._label_ids, **numbered}
                self._labels_of = self.edition
            return self._label_ids

    def number_labels(self, label_ids: Mapping[str, int]) -> None:
        """Use the label numbers of another run."""
        self._label_ids = dict(label_ids)
        self._labels_of = -1

    def size_of(self, file: SourceFile) -> int:
        """Return how many bytes of a file are in the dataset."""
        if file.kind == "tags":
            return self._read.get(file.path, 0)
        return bytes_of(file.path)

    def _take_in(self) -> None:
        by_format = self.format is not None
        self.files = files_of(self.sources, by_format=by_format, may_be_missing=self.follow)
        if tuple(self.verdicts) != self.store.verdicts.paths:
            self.store.verdicts = Verdicts(self.verdicts)
        parts = []
        spans: list[Span] = []
        read = dict(self._read)
        for file in self.files:
            if file.kind == "verdicts":
                continue  # read for the queries and records that they are about
            if file.kind == "tags":
                start = read.get(file.path, 0)
                end = self._ends.get(file.path)
                span = span_of(file, start=start, end=end, may_grow=self.follow)
                if span is not None:
                    spans.append(span)
                    read[file.path] = span.end
            elif file.path not in read:
                read[file.path] = 0
                parts += parts_of_spans(spans, self.store.new_path)
                spans = []
                parts.append(self._other(file))
        parts += parts_of_spans(spans, self.store.new_path)
        if parts or not self.edition:
            self.edition += 1
            self.store.add(parts)
        self._read = read  # last, so that an invalid line is reported at every access

    def _other(self, file: SourceFile) -> Any:
        if file.kind == "parquet":
            return part_of_parquet(file)
        reader = formats.get(self.format or file.format)
        records = reader.read(file.path, **{**self._media_root, **self.options})
        return part_of_records(records, self.store.new_path("part"), source=file.path)

    def __getstate__(self) -> dict[str, Any]:
        # In another process the dataset stays as it was when it was sent.
        label_ids = self.label_ids
        return {**self.__dict__, "_lock": None, "follow": False, "_label_ids": label_ids}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()
