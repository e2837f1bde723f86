"""`Selection`: which records of a catalogue a dataset has, read by place or in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.data.query.select import select
from common_ml.data.store.chosen import chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from common_ml.data.record import Record
    from common_ml.data.store.catalogue import Catalogue
    from common_ml.data.store.duckdb_store import Head

RECORDS_AHEAD = 256
TAGS_AHEAD = 20_000
"""Records are read in blocks of at most so many, with at most so many annotations."""


class Selection:
    """Records of a catalogue: all, those of queries, or given ones. A place is an index among them.

    It can be sent to other processes.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        resolve: Callable[..., Path | None],
        *,
        queries: tuple[str, ...] = (),
        numbers: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Choose; nothing is read.

        Args:
            catalogue: The whole dataset.
            resolve: Name of a media -> its path, for queries about files.
            queries: What the records have in common.
            numbers: Numbers of the records that are asked, ascending; None: all.
        """
        self.catalogue = catalogue
        self.queries = queries
        self._resolve = resolve
        self._given = numbers
        self._found: npt.NDArray[np.int64] | None = None
        self._edition = -1
        self._block: dict[int, Record] = {}  # place -> record, read ahead

    def narrowed(self, query: str) -> Selection:
        """Return those of the records that match one more query.

        Raises:
            QueryError: not one boolean expression, or an unknown name.
        """
        selected = self._matching(query)  # parse now, so that errors are raised here
        queries = (*self.queries, query)
        if self.catalogue.follow:
            return Selection(self.catalogue, self._resolve, queries=queries, numbers=self._given)
        return self.of(np.intersect1d(self.numbers, selected), queries)

    def of(
        self, numbers: npt.NDArray[np.int64], queries: tuple[str, ...] | None = None
    ) -> Selection:
        """Return certain records of the catalogue, in this order.

        Args:
            numbers: Theirs.
            queries: What is known to hold for them; None: the queries of this selection.
        """
        queries = self.queries if queries is None else queries
        made = Selection(self.catalogue, self._resolve, queries=queries, numbers=numbers)
        made._found, made._edition = numbers, self.catalogue.edition
        return made

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Numbers of the records in the catalogue, as it is now: int64, shape (records,)."""
        self.catalogue.refresh()
        if self._found is None or self._edition != self.catalogue.edition:
            self._edition = self.catalogue.edition
            self._found = self._find()
            self._block.clear()
        return self._found

    def number(self, place: int) -> int:
        """Return the number of a record, as it was when the numbers were last asked for."""
        return int(self._found_numbers()[place])

    def heads(self) -> list[Head]:
        """Return the heads of all records."""
        return self._heads(self.numbers)

    def records(self) -> Iterator[Record]:
        """Iterate over the records, with those that the catalogue gains meanwhile."""
        place = 0
        while True:
            numbers = self.numbers
            if place >= len(numbers):
                return
            store = self.catalogue.store
            block = numbers[place : place + RECORDS_AHEAD]
            if store.has_random_access:
                yield from map(store.record, block.tolist())
                place += len(block)
                continue
            for heads in _blocks(self._heads(block)):
                yield from store.records(heads)
                place += len(heads)

    def record(self, place: int, *, ahead: bool) -> Record:
        """Return one record.

        Args:
            place: Its index, 0 <= place < number of records.
            ahead: Whether the next ones will be asked for as well: they are read along.
        """
        store = self.catalogue.store
        if place not in self._block and (store.has_random_access or not ahead):
            if not self.catalogue.follow:
                return store.record(self.number(place))
            ahead = False
        if place not in self._block:
            wanted = self._found_numbers()[place : place + (RECORDS_AHEAD if ahead else 1)]
            heads = next(_blocks(self._heads(wanted)))
            self._block = dict(enumerate(store.records(heads), start=place))
        return self._block[place]

    def frames_behind(self, place: int) -> list[int]:
        """Return the frames of the same video that the next records are about."""
        (first,) = self._heads(self.numbers[place : place + 1])
        found: list[int] = []
        for start in range(place + 1, len(self._found_numbers()), RECORDS_AHEAD):
            for head in self._heads(self._found_numbers()[start : start + RECORDS_AHEAD]):
                if head.media != first.media or head.slot < 0:
                    return found
                found.append(head.slot)
        return found

    def places(self) -> dict[str, npt.NDArray[np.int64]]:
        """Return per record, by file: number, media (a number), slot (the frame, or -1)."""
        store = self.catalogue.store
        with store.engine() as connection:
            chosen(connection, store, self.numbers)
            columns = connection.execute(
                "SELECT number, first_value(number) OVER (PARTITION BY media ORDER BY number) "
                "AS media, slot FROM chosen ORDER BY number"
            ).fetchnumpy()
        return {name: np.asarray(column, np.int64) for name, column in columns.items()}

    def _find(self) -> npt.NDArray[np.int64]:
        numbers = self._given
        if numbers is None:
            numbers = np.arange(self.catalogue.store.num_records)
        for query in self.queries:
            numbers = np.intersect1d(numbers, self._matching(query), assume_unique=True)
        return numbers

    def _matching(self, query: str) -> npt.NDArray[np.int64]:
        catalogue = self.catalogue
        catalogue.refresh()
        return select(
            catalogue.store,
            query,
            labels=catalogue.label_ids,
            tags=catalogue.tags,
            verdicts=catalogue.verdicts,
            resolve=self._resolve,
            facts=catalogue.facts,
        )

    def _heads(self, numbers: npt.NDArray[np.int64]) -> list[Head]:
        return self.catalogue.store.heads(numbers.tolist())

    def _found_numbers(self) -> npt.NDArray[np.int64]:
        return self.numbers if self._found is None else self._found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_found": self.numbers, "_block": {}}


def _blocks(heads: list[Head]) -> Iterator[list[Head]]:
    """Group neighbouring records that are read at once."""
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
