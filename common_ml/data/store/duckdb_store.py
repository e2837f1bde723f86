"""`Store`: annotation rows and records in Parquet, queried with DuckDB."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from common_ml.data.store import rows
from common_ml.data.store.engine import connect, open_connection, quoted, quoted_list, quoted_path
from common_ml.data.store.indexing import Part, remove_folder
from common_ml.data.store.random_access import RandomAccess, StorePaths, convert, write_starts
from common_ml.data.store.verdicts import Verdicts
from common_ml.media.cpus import usable_cpus
from common_ml.media.kinds import kind_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

    from common_ml.data.record import Record

Per = Literal["media", "frame"]
MAX_PARTS = 32
"""Parts; more of them, from a file that grows, are merged."""
SMALL_ROW_GROUP = 4096
"""Rows per thread in memory: each may hold polygons of kilobytes."""
ROWS_PER_SINGLE_READ = 10_000
"""Rows per single read by query, after which random access is prepared."""
_SUFFIX = r"lower(regexp_extract(media, '\.[A-Za-z0-9]+$'))"


class Head(NamedTuple):
    """A record without its annotations."""

    number: int
    """Index in the whole dataset."""
    key: str
    """Its id, or for tags the media."""
    slot: int
    """The frame; -1: the whole file."""
    media: str
    kind: str
    first: int
    """Position of its first row."""
    last: int
    """Position of its last row."""
    num_tags: int
    header: str | None
    """The record without annotations, in JSON."""


class Store:
    """Parquet files of rows, and one of records, in a folder of their own.

    It can be pickled for other processes, which read the same files.
    """

    def __init__(self, per: Per, *, parent: str | None = None) -> None:
        """Create the folder.

        Args:
            per: Unit of a record: each media file, or each tagged frame.
            parent: Parent of the folder; by default that of temporary files.
        """
        self.per = per
        self.folder = tempfile.mkdtemp(prefix="common-ml-dataset-", dir=parent)
        self.parts: tuple[Part, ...] = ()
        self.num_records = 0
        self.verdicts = Verdicts()
        """What reviewers said about its annotations."""
        self._edition = 0
        self._slot = "-1::BIGINT"
        self._records_path = ""
        self._num_rows = 0
        self._read_by = _Connection()
        self._random: RandomAccess | None = None
        self._single_reads = 0
        weakref.finalize(self, remove_folder, self.folder, os.getpid())

    def add(self, parts: Sequence[Part]) -> None:
        """Append parts of rows."""
        self.parts = (*self.parts, *parts)
        if len(self.parts) > MAX_PARTS:
            self._join_parts()
        self._random, self._single_reads = None, 0
        self._find_records()

    def new_path(self, stem: str) -> str:
        """Return a new file name in the folder."""
        self._edition += 1
        return str(Path(self.folder) / f"{stem}-{self._edition:06}.parquet")

    @property
    def records_sql(self) -> str:
        """SQL for the records, a row each."""
        return f"read_parquet({quoted_path(self._records_path)}, hive_partitioning = false)"

    def rows_sql(self, parts: Sequence[int] | None = None) -> str:
        """Return SQL for the rows, with additional columns `slot` and `place`.

        Args:
            parts: Numbers of the parts to read; by default all.
        """
        united = _united(self.parts, parts)
        slotted = f"SELECT *, {self._slot} AS slot FROM ({united})"
        return f"(SELECT * FROM ({slotted}) WHERE slot IS NOT NULL)"

    @contextmanager
    def engine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a connection with all CPUs, for one large query."""
        with connect(threads=usable_cpus(), scratch=self.folder) as connection:
            yield connection

    def prepare_random_access(self) -> None:
        """Write the rows record by record, so that `record` needs no query.

        It reads and sorts all rows once: about 2 s for a million.
        """
        if self._random is not None:
            return
        stem = Path(self.new_path(f"random-{os.getpid()}")).with_suffix("")
        paths = StorePaths(f"{stem}-heads.arrow", f"{stem}-rows.arrow", f"{stem}-starts.npy")
        parquet = f"{stem}.parquet"
        # without columns that `rows.record_of` skips where the whole annotation is stored
        columns = ", ".join(
            f"CASE WHEN t.annotation IS NULL THEN t.{name} END AS {name}"
            if name in rows.REPEATED
            else f"t.{name}"
            for name in rows.READ
        )
        joined = (
            f"{self.rows_sql()} AS t JOIN (SELECT number, key, slot FROM {self.records_sql}) AS r "
            "ON coalesce(t.key, t.media) = r.key AND t.slot = r.slot"
        )
        try:
            with self.engine() as connection:
                connection.execute(
                    f"COPY (SELECT {', '.join(Head._fields)} FROM {self.records_sql} "
                    f"ORDER BY number) TO {quoted(parquet)} (FORMAT parquet)"
                )
                convert(parquet, paths.heads, Head._fields)
                connection.execute(
                    f"COPY (SELECT r.number, {columns} FROM {joined} ORDER BY r.number, t.place) "
                    f"TO {quoted(parquet)} (FORMAT parquet, ROW_GROUP_SIZE {SMALL_ROW_GROUP})"
                )
                convert(parquet, paths.rows, rows.READ)
                counts = connection.execute(
                    f"SELECT count(*) AS n FROM read_parquet({quoted_path(parquet)}, "
                    "hive_partitioning = false) GROUP BY number ORDER BY number"
                ).fetchnumpy()["n"]
            write_starts(counts, paths.starts)
        finally:
            Path(parquet).unlink(missing_ok=True)
        self._random = RandomAccess(paths)

    @property
    def has_random_access(self) -> bool:
        """Whether `record` needs no query."""
        return self._random is not None

    def record(self, number: int) -> Record:
        """Return a single record; many reads switch to random access."""
        if self._random is None:
            self._single_reads += 1
            if self._single_reads <= max(self._num_rows // ROWS_PER_SINGLE_READ, 8):
                return self.records(self.heads([number]))[0]
            self.prepare_random_access()
        assert self._random is not None  # noqa: S101 - prepared above
        head, found = self._random.read(number)
        slot = head["slot"]
        return rows.record_of(
            found,
            header=head["header"],
            kind=head["kind"],
            frame=None if slot < 0 else slot,
            verdicts=self.verdicts,
        )

    def heads(self, numbers: Sequence[int]) -> list[Head]:
        """Return the headers of records, in the given order."""
        if not numbers:
            return []
        columns = ", ".join(Head._fields)
        low, high = min(numbers), max(numbers)
        wanted = f"number BETWEEN {low} AND {high}"
        if high - low >= 2 * len(numbers):
            wanted += f" AND number IN ({', '.join(map(str, numbers))})"
        sql = f"SELECT {columns} FROM {self.records_sql} WHERE {wanted}"
        found = {row[0]: Head(*row) for row in self._read_by.fetch(sql)}
        return [found[number] for number in numbers]

    def records(self, heads: Sequence[Head]) -> list[Record]:
        """Return records with annotations, in the given order; all rows are read by one query."""
        if not heads:
            return []
        first, last = min(head.first for head in heads), max(head.last for head in heads)
        parts = range(first >> 40, (last >> 40) + 1)
        names = (*rows.COLUMNS, "slot", "place")
        media = ", ".join(sorted({quoted(head.media) for head in heads}))
        conditions = [f"media IN ({media})", f"place BETWEEN {first} AND {last}"]
        if self.per == "frame":
            conditions.append(f"slot IN ({', '.join({str(head.slot) for head in heads})})")
        sql = (
            f"SELECT {', '.join(names)} FROM {self.rows_sql(parts)} "
            f"WHERE {' AND '.join(conditions)} ORDER BY place"
        )
        grouped: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for values in self._read_by.fetch(sql):
            row = dict(zip(names, values, strict=True))
            grouped.setdefault((row["key"] or row["media"], row["slot"]), []).append(row)
        return [
            rows.record_of(
                grouped[head.key, head.slot],
                header=head.header,
                kind=head.kind,
                frame=None if head.slot < 0 else head.slot,
                verdicts=self.verdicts,
            )
            for head in heads
        ]

    def _find_records(self) -> None:
        self._records_path = self.new_path("records")
        with self.engine() as connection:
            if self.per == "frame":
                self._slot = _slot_sql(connection, self.parts)
            connection.execute(
                "CREATE TEMP TABLE grouped AS SELECT coalesce(key, media) AS key, slot, "
                "arg_min(media, place) AS media, min(place) AS first, max(place) AS last, "
                f"count(label) AS num_tags FROM {self.rows_sql()} GROUP BY ALL"
            )
            # Of all rows: the header of a video applies to its frames.
            connection.execute(
                "CREATE TEMP TABLE headers AS SELECT coalesce(key, media) AS key, "
                f"max(header) AS header FROM ({_united(self.parts)}) WHERE header IS NOT NULL "
                "GROUP BY ALL"
            )
            kind = _kind_sql(_kinds(connection, "grouped"))
            connection.execute(
                "COPY (SELECT row_number() OVER (ORDER BY first) - 1 AS number, *, "
                f"coalesce(nullif(header->>'$.kind', ''), {kind}) AS kind "
                "FROM grouped LEFT JOIN headers USING (key) ORDER BY number) "
                f"TO {quoted(self._records_path)} (FORMAT parquet, ROW_GROUP_SIZE 20480)"
            )
            counted = connection.execute(
                f"SELECT count(*), coalesce(sum(num_tags), 0) FROM {self.records_sql}"
            ).fetchone()
        self.num_records, self._num_rows = map(int, counted or (0, 0))

    def _join_parts(self) -> None:
        path = self.new_path("part")
        columns = ", ".join(rows.COLUMNS)
        united = _united(self.parts)
        with self.engine() as connection:
            connection.execute(
                f"COPY (SELECT {columns} FROM ({united}) ORDER BY place) TO {quoted(path)} "
                "(FORMAT parquet)"
            )
        for part in self.parts:
            if Path(part.path).parent == Path(self.folder):
                Path(part.path).unlink()
        self.parts = (Part(path, tuple(rows.COLUMNS)),)


class _Connection:
    """Return the connection for small queries: one per process, single-threaded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._inherited: list[object] = []

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        if self._owner != os.getpid():
            # Inherited by a fork, which must neither use nor close it: kept open.
            self._inherited.append(self._connection)
            self._lock = threading.Lock()
            self._connection = open_connection(threads=1)
            self._owner = os.getpid()
        with self._lock:
            assert self._connection is not None  # noqa: S101 - it was opened above
            return self._connection.execute(sql).fetchall()

    def __getstate__(self) -> dict[str, Any]:
        return {"reads": "anew"}  # never empty: __setstate__ would not be called

    def __setstate__(self, state: dict[str, Any]) -> None:
        del state
        _Connection.__init__(self)


def _united(parts: Sequence[Part], chosen: Iterable[int] | None = None) -> str:
    """Return SQL for the rows of all parts, or of those with certain numbers."""
    numbers = range(len(parts)) if chosen is None else chosen
    nothing = f"SELECT {rows.empty_columns()}, 0::BIGINT AS place WHERE false"
    return " UNION ALL ".join([parts[number].select(number) for number in numbers] or [nothing])


def _slot_sql(connection: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> str:
    """Return SQL for the frame that a row is about; NULL for a whole video or sound."""
    united = _united(parts)
    kinds = _kinds(connection, f"(SELECT DISTINCT media FROM ({united}))")
    kind = _kind_sql(kinds)
    return (
        f"CASE WHEN {kind} = 'image' THEN -1 WHEN frame IS NOT NULL THEN frame "
        f"WHEN {kind} = '' AND key IS NOT NULL THEN -1 END::BIGINT"
    )


def _kinds(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """Return kinds of media by extension."""
    sql = f"SELECT DISTINCT {_SUFFIX} FROM {table}"
    suffixes = [row[0] for row in connection.execute(sql).fetchall()]
    kinds = {suffix: kind_by_name(f"name{suffix}") for suffix in suffixes}
    return {suffix: kind for suffix, kind in kinds.items() if kind != "unknown"}


def _kind_sql(kinds: dict[str, str]) -> str:
    if not kinds:
        return "''"
    cases = []
    for kind in sorted(set(kinds.values())):
        suffixes = sorted(suffix for suffix, one in kinds.items() if one == kind)
        cases.append(f"WHEN {_SUFFIX} IN {quoted_list(suffixes)} THEN '{kind}'")
    return f"(CASE {' '.join(cases)} ELSE '' END)"
