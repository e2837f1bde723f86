"""Index source files: convert each to a Parquet file of rows.

A tags file is read once, by DuckDB, on all CPUs and in bounded memory.
"""

from __future__ import annotations

import codecs
import glob
import os
import shutil
import zlib
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.data.store import rows
from common_ml.data.store.engine import connect, quoted, quoted_list, quoted_path
from common_ml.errors import DatasetError, MissingExtraError, WireError
from common_ml.media.cpus import usable_cpus
from common_ml.tagging.tags_file.reader import read_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from common_ml.data.record import Record
    from common_ml.data.store.sources import SourceFile, Span

ROW_GROUP_SIZE = 40_960
"""Rows per row group, read to access one: small, and a multiple of DuckDB's 2048."""
RECORDS_AT_ONCE = 2_000
COPY_BYTES = 1 << 24


@dataclass(frozen=True)
class Part:
    """A Parquet file of rows."""

    path: str
    columns: tuple[str, ...]
    """Columns of `rows.COLUMNS` in the file."""
    source: str = ""
    """Source of all its rows; "": its column has it."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Renamed columns: our name, name in the file."""

    def select(self, number: int) -> str:
        """Return SQL for its rows.

        Args:
            number: Number of the part in its dataset, in row order.
        """
        theirs = dict(self.renamed)
        place = f"({number}::BIGINT << 40) + file_row_number"
        filled = {"source": quoted(self.source) if self.source else "NULL", "uid": f"({place})"}
        chosen = []
        for name, kind in rows.COLUMNS.items():
            value = filled.get(name, "NULL")
            if name in self.columns:
                value = f'"{theirs.get(name, name)}"'
            if name == "key" and name in self.columns:
                value = _unique_key('"key"', f'"{theirs.get("media", "media")}"')
            chosen.append(f"{value}::{kind} AS {name}")
        columns = ", ".join([*chosen, f"{place} AS place"])
        options = "file_row_number = true, hive_partitioning = false"
        return f"SELECT {columns} FROM read_parquet({quoted_path(self.path)}, {options})"


def _unique_key(key: str, media: str) -> str:
    """Return SQL for a record id that includes its media: ids are only unique per source.

    Image 1 of one file is not image 1 of the next.
    """
    return (
        f"CASE WHEN {key} = {media} OR starts_with({key}, {media} || '#') "
        f"OR starts_with({key}, {media} || ' ') THEN {key} ELSE {media} || ' ' || {key} END"
    )


def parts_of_spans(spans: Sequence[Span], new_path: Callable[[str], str]) -> list[Part]:
    """Index whole lines of tags files.

    Args:
        spans: The lines.
        new_path: Returns a new file name that starts with its argument.

    Raises:
        WireError: a line is not a message.
    """
    parts: list[Part] = []
    for is_whole, group in groupby(spans, key=lambda span: span.is_whole):
        # Complete files in one query; the complete lines of growing ones by way of a copy.
        for members in [list(group)] if is_whole else [[span] for span in group]:
            target = new_path("part")
            _index_tags(members, target, is_whole=is_whole)
            parts.append(Part(target, tuple(rows.COLUMNS)))
    return parts


def part_of_parquet(file: SourceFile) -> Part:
    """Take a Parquet file as it is.

    Raises:
        DatasetError: it has no columns for media and label.
    """
    with connect(threads=1) as connection:
        try:
            found = connection.execute(
                f"DESCRIBE SELECT * FROM read_parquet({quoted_path(file.path)}, "
                "hive_partitioning = false)"
            ).fetchall()
        except _engine_error() as error:
            raise DatasetError(f"cannot read {file.path}: {error}") from error
    theirs = {row[0] for row in found}
    renamed = {
        ours: other
        for ours, other in (("media", "source_media"), ("label", "tag"))
        if ours not in theirs and other in theirs
    }
    columns = [name for name in rows.COLUMNS if name in theirs or name in renamed]
    for needed, other in (("media", "source_media"), ("label", "tag")):
        if needed not in columns:
            got = ", ".join(sorted(theirs))
            raise DatasetError(
                f"{file.path} has no column {needed} (or {other}): expected what to_parquet "
                f"writes, got {got}"
            )
    columns = [name for name in columns if name != "source"]
    return Part(file.path, tuple(columns), source=file.path, renamed=tuple(renamed.items()))


def part_of_records(records: Iterable[Record], target: str, *, source: str) -> Part:
    """Index records, as they come.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("pyarrow", extra="data") from error
    schema = rows.arrow_schema()
    with pq.ParquetWriter(target, schema) as writer:
        for batch in _batches(_all_rows(records, source)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    return Part(target, tuple(rows.COLUMNS))


def _all_rows(records: Iterable[Record], source: str) -> Iterator[dict[str, Any]]:
    # Records of one id may come from several sources, and their annotations count apart.
    uid = zlib.crc32(source.encode()) << 32
    for record in records:
        for row in rows.rows_of(record, source=source, first_uid=uid):
            yield row
            uid += 1


def _batches(made: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(made, RECORDS_AT_ONCE)):
        yield batch


def _index_tags(spans: Sequence[Span], target: str, *, is_whole: bool) -> None:
    folder = str(Path(target).parent)
    copy = f"{target}.jsonl"
    paths = [span.file.path for span in spans]
    try:
        if is_whole:
            _convert(paths, target, folder, source="filename")
        else:
            _copy_lines(spans[0], copy)
            _convert([copy], target, folder, source=quoted(paths[0]))
    except _engine_error() as error:
        _explain(spans, error)
    finally:
        Path(copy).unlink(missing_ok=True)


def _convert(paths: list[str], target: str, folder: str, *, source: str) -> None:
    listed = quoted_list([glob.escape(path) for path in paths])
    with connect(threads=usable_cpus(), scratch=folder) as connection:
        connection.execute(
            f"COPY ({_SELECT.format(source=source, paths=listed)}) "
            f"TO {quoted(target)} (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP_SIZE})"
        )


_SELECT = """
SELECT {source} AS source, NULL::VARCHAR AS key, d.source_media AS media,
    d.frame_info.frame_idx AS frame,
    CASE type WHEN 'tag' THEN CASE
        WHEN d.tag IS NULL OR d.start_time IS NULL OR d.end_time IS NULL
            THEN error('a tag without its fields')
        ELSE d.tag END END AS label,
    d.track AS track, 1::TINYINT AS value, d.start_time AS start_time, d.end_time AS end_time,
    d.frame_info.box.x1 AS x1, d.frame_info.box.y1 AS y1,
    d.frame_info.box.x2 AS x2, d.frame_info.box.y2 AS y2,
    d.additional_info::VARCHAR AS info, d.vector AS vector,
    NULL::VARCHAR AS annotation, NULL::VARCHAR AS header,
    hash(d) AS uid
FROM (SELECT type, data AS d, filename FROM read_ndjson({paths}, filename = true,
    hive_partitioning = false, columns = {{
    type: 'VARCHAR',
    data: 'STRUCT(start_time BIGINT, end_time BIGINT, tag VARCHAR, source_media VARCHAR,
        track VARCHAR, additional_info JSON,
        frame_info STRUCT(frame_idx BIGINT, box STRUCT(x1 DOUBLE, y1 DOUBLE, x2 DOUBLE, y2 DOUBLE)),
        vector DOUBLE[])'}}))
WHERE CASE
    WHEN type IN ('tag', 'progress') AND d.source_media IS NOT NULL THEN true
    WHEN type IN ('error', 'progress_ratio') THEN false
    ELSE error('no message') END
"""


def _copy_lines(span: Span, target: str) -> None:
    with Path(span.file.path).open("rb") as file, Path(target).open("wb") as output:
        file.seek(span.start)
        left = span.end - span.start
        if span.start == 0 and file.peek(3)[:3] == codecs.BOM_UTF8:
            left -= len(file.read(3))
        while left > 0:
            chunk = file.read(min(left, COPY_BYTES))
            if not chunk:
                break
            output.write(chunk)
            left -= len(chunk)


def _explain(spans: Sequence[Span], error: Exception) -> None:
    """Find the line that DuckDB refused with the slow reader, and raise its error."""
    try:
        for span in spans:
            for _ in read_messages(span.file.path):
                pass
    except WireError as found:
        raise found from error
    names = ", ".join(span.file.path for span in spans[:3])
    raise DatasetError(f"cannot read {names}: {error}") from error


def _engine_error() -> tuple[type[Exception], ...]:
    """Return DuckDB's error class; none where it is not installed, which raises elsewhere."""
    try:
        import duckdb
    except ImportError:
        return ()
    return (duckdb.Error,)


def remove_folder(folder: str, owner: int) -> None:
    """Remove the files of a dataset, if this process created them."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
