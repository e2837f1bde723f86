"""`RandomAccess`: records and their rows in Arrow files, read by number without a query."""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from common_ml.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import pyarrow as pa

BATCH_ROWS = 96
"""Rows that are decompressed to access one."""


class StorePaths(NamedTuple):
    """Paths of the files."""

    heads: str
    """A row for each record, by number."""
    rows: str
    """The annotation rows, record by record."""
    starts: str
    """Position of the first row of each record, and the number of rows: int64, shape (N + 1,)."""


class RandomAccess:
    """Read single records in well under a millisecond.

    It can be pickled for other processes, which map the same files into memory.
    """

    def __init__(self, paths: StorePaths) -> None:
        self.paths = paths

    def read(self, number: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the header of a record, and its annotation rows."""
        first, last = self._starts[number : number + 2].tolist()
        return self._heads.read(number, number + 1)[0], self._rows.read(first, last)

    @cached_property
    def _heads(self) -> BatchFile:
        return BatchFile(self.paths.heads)

    @cached_property
    def _rows(self) -> BatchFile:
        return BatchFile(self.paths.rows)

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        starts: npt.NDArray[np.int64] = np.load(self.paths.starts, mmap_mode="r")
        return starts

    def __getstate__(self) -> dict[str, Any]:
        return {"paths": self.paths}


class BatchFile:
    """An Arrow IPC file of compressed batches of `BATCH_ROWS` rows, mapped into memory."""

    def __init__(self, path: str) -> None:
        import pyarrow as pa

        # without threads: a process that is forked has none of them
        options = pa.ipc.IpcReadOptions(use_threads=False)
        self._file = pa.ipc.open_file(pa.memory_map(path), options=options)
        self._names: list[str] = self._file.schema.names
        self._cached: tuple[int, pa.RecordBatch] | None = None

    def read(self, first: int, last: int) -> list[dict[str, Any]]:
        """Return the rows from `first` up to `last`, which is excluded."""
        batches = range(first // BATCH_ROWS, -(-last // BATCH_ROWS))
        found = (self._part(batch, first, last) for batch in batches)
        return list(chain.from_iterable(found))

    def _part(self, number: int, first: int, last: int) -> list[dict[str, Any]]:
        cached = self._cached
        if cached is None or cached[0] != number:
            cached = self._cached = (number, self._file.get_batch(number))
        offset = max(first - number * BATCH_ROWS, 0)
        part = cached[1].slice(offset, last - number * BATCH_ROWS - offset)
        columns = [
            [None] * part.num_rows if column.null_count == part.num_rows else column.to_pylist()
            for column in part.columns
        ]
        names = self._names
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def convert(source: str, target: str, columns: Sequence[str]) -> None:
    """Convert columns of a Parquet file into an Arrow file that `BatchFile` reads.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("pyarrow", extra="data") from error
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pq.ParquetFile(source) as file:
        schema = pa.schema([file.schema_arrow.field(name) for name in columns])
        with pa.ipc.new_file(target, schema, options=options) as writer:
            for batch in _rebatched(file, schema):
                writer.write_batch(batch)


def _rebatched(file: Any, schema: Any) -> Iterator[Any]:
    """Yield batches of exactly `BATCH_ROWS` rows; the last one may be shorter."""
    import pyarrow as pa

    left = pa.Table.from_batches([], schema)
    for found in file.iter_batches(BATCH_ROWS * 64, columns=schema.names, use_threads=False):
        table = pa.concat_tables([left, pa.Table.from_batches([found], schema)]).combine_chunks()
        whole = len(table) // BATCH_ROWS * BATCH_ROWS
        for start in range(0, whole, BATCH_ROWS):
            yield from table.slice(start, BATCH_ROWS).to_batches()
        left = table.slice(whole)
    yield from left.combine_chunks().to_batches()


def write_starts(counts: Sequence[int] | npt.NDArray[np.int64], target: str) -> None:
    """Write the position of the first row of each record.

    Args:
        counts: Number of rows of each record.
        target: The file.
    """
    starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    with Path(target).open("wb") as file:
        np.save(file, starts)
