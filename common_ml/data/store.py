"""The rows of a dataset on disk, and the records that they make up."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from common_ml.data import rows
from common_ml.data.engine import connect, open_connection, quoted, quoted_list, quoted_path
from common_ml.data.indexing import Part, remove_folder
from common_ml.media.cpus import usable_cpus
from common_ml.media.kinds import kind_by_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

    from common_ml.data.record import Record

Per = Literal["media", "frame"]
MOST_PARTS = 32
"""More of them, from a file that grows, are joined."""
_SUFFIX = r"lower(regexp_extract(media, '\.[A-Za-z0-9]+$'))"


class Head(NamedTuple):
    """What is known of a record without its annotations."""

    number: int
    """Place in the whole dataset."""
    key: str
    """Its id, or for tags the media."""
    slot: int
    """The frame; -1: the whole file."""
    media: str
    kind: str
    first: int
    """Place of its first row."""
    last: int
    """Place of its last row."""
    num_tags: int
    header: str | None
    """What is said of it, in JSON."""


class Store:
    """Parquet files of rows, and one of records, in a folder of their own.

    It can be sent to other processes, which read the same files.
    """

    def __init__(self, per: Per, *, parent: str | None = None) -> None:
        """Make the folder.

        Args:
            per: What becomes a record: each media file, or each tagged frame.
            parent: Where to make the folder; by default where temporary files go.
        """
        self.per = per
        self.folder = tempfile.mkdtemp(prefix="common-ml-dataset-", dir=parent)
        self.parts: tuple[Part, ...] = ()
        self.num_records = 0
        self._edition = 0
        self._slot = "-1::BIGINT"
        self._records_path = ""
        self._read_by = _Connection()
        weakref.finalize(self, remove_folder, self.folder, os.getpid())

    def add(self, parts: Sequence[Part]) -> None:
        """Take in rows that come behind those that are there."""
        self.parts = (*self.parts, *parts)
        if len(self.parts) > MOST_PARTS:
            self._join_parts()
        self._find_records()

    def new_path(self, stem: str) -> str:
        """Name of a new file in the folder."""
        self._edition += 1
        return str(Path(self.folder) / f"{stem}-{self._edition:06}.parquet")

    @property
    def records_sql(self) -> str:
        """SQL for the records, a row each."""
        return f"read_parquet({quoted_path(self._records_path)}, hive_partitioning = false)"

    def rows_sql(self, parts: Sequence[int] | None = None) -> str:
        """SQL for the rows, with `slot` and `place` behind their columns.

        Args:
            parts: Numbers of the parts that are enough; by default all.
        """
        united = _united(self.parts, parts)
        slotted = f"SELECT *, {self._slot} AS slot FROM ({united})"
        return f"(SELECT * FROM ({slotted}) WHERE slot IS NOT NULL)"

    @contextmanager
    def engine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with all CPUs, for one big question."""
        with connect(threads=usable_cpus(), scratch=self.folder) as connection:
            yield connection

    def heads(self, numbers: Sequence[int]) -> list[Head]:
        """What is known of records, in the order asked for."""
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
        """Records with their annotations, in the order asked for; their rows are read at once."""
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
            # Of all rows: what is said of a video holds for its frames.
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
            counted = connection.execute(f"SELECT count(*) FROM {self.records_sql}").fetchone()
        self.num_records = counted[0] if counted else 0

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
    """A connection for small questions: one for each process, without threads of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._inherited: list[object] = []

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a question gives."""
        if self._owner != os.getpid():
            # A fork has inherited it, and must neither use nor end it: kept, and left alone.
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
    """SQL for the rows of parts, or of those with certain numbers."""
    numbers = range(len(parts)) if chosen is None else chosen
    nothing = f"SELECT {rows.empty_columns()}, 0::BIGINT AS place WHERE false"
    return " UNION ALL ".join([parts[number].select(number) for number in numbers] or [nothing])


def _slot_sql(connection: duckdb.DuckDBPyConnection, parts: Sequence[Part]) -> str:
    """SQL for the frame that a row is about; NULL where it is about a whole video or sound."""
    united = _united(parts)
    kinds = _kinds(connection, f"(SELECT DISTINCT media FROM ({united}))")
    kind = _kind_sql(kinds)
    return (
        f"CASE WHEN {kind} = 'image' THEN -1 WHEN frame IS NOT NULL THEN frame "
        f"WHEN {kind} = '' AND key IS NOT NULL THEN -1 END::BIGINT"
    )


def _kinds(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """What the extensions of media stand for."""
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
