"""CSV files with a header: columns by name, in any order; an error knows its line."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING

from common_ml.data.formats.items import Item
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_CELL = 1 << 30
"""Characters. Python's own limit of 131072 is too little for masks and polygons."""


def read_table(path: str | os.PathLike[str]) -> tuple[list[str], Iterator[Item]]:
    """The names of the columns, and the rows; rows without any text are left out.

    Raises:
        FormatError: no header, a column named twice; and, while rows are taken, a row that is
            longer or shorter than the header, or no UTF-8.
        OSError: the file cannot be read.
    """
    rows = _rows(os.fspath(path))
    line, header = next(rows, (1, []))
    columns = [name.strip() for name in header]
    if not any(columns):
        raise FormatError(f"{os.fspath(path)}: line 1: has no header", path=path, place="line 1")
    for name in columns:
        if name and columns.count(name) > 1:
            raise FormatError(
                f"{os.fspath(path)}: line {line}, {name}: there are two columns of this name",
                path=path,
                place=f"line {line}",
                field=name,
            )
    return columns, _items(rows, columns, os.fspath(path))


def require(path: str | os.PathLike[str], columns: Sequence[str], needed: Sequence[str]) -> None:
    """Raises FormatError unless all needed columns are there."""
    missing = [name for name in needed if name not in columns]
    if missing:
        raise FormatError(
            f"{os.fspath(path)}: line 1: column {missing[0]} is missing, got {', '.join(columns)}",
            path=path,
            place="line 1",
            field=missing[0],
        )


def _items(rows: Iterator[tuple[int, list[str]]], columns: list[str], path: str) -> Iterator[Item]:
    for line, cells in rows:
        if not any(cells):
            continue
        place = f"line {line}"
        if len(cells) != len(columns):
            raise FormatError(
                f"{path}: {place}: has {len(cells)} cells, and the header {len(columns)}",
                path=path,
                place=place,
            )
        yield Item(dict(zip(columns, cells, strict=True)), path, place)


def _rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, with the number of the line it begins on."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    line = 0
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123 - paths as given
            reader = csv.reader(file, strict=True)
            for cells in reader:
                yield line + 1, cells
                line = reader.line_num
    except (csv.Error, UnicodeDecodeError) as error:
        raise FormatError(
            f"{path}: line {line + 1}: {error}", path=path, place=f"line {line + 1}"
        ) from error
