"""Read CSV files with a header: columns by name, in any order; errors name the line."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.encodings import encoding_of
from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.json_file import place_of
from common_ml.data.formats.shared.packed import raise_if_packed
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from common_ml.types import StrPath

MAX_CELL = 1 << 30
"""Characters per cell; Python's default of 131072 is too few for masks and polygons."""
SEPARATORS = (",", ";", "\t")
_HEAD_BYTES = 1 << 16
_FORMULA_STARTS = frozenset("=+-@\t\r")


def read_table(
    path: StrPath, policy: ErrorPolicy | None = None, *, known: Collection[str] = ()
) -> tuple[list[str], Iterator[Item]]:
    """Return the column names, and the rows; empty rows are skipped.

    The separator is the one of comma, semicolon and tab that gives the header most columns, or
    that of a first line such as `sep=;`. UTF-8, UTF-16 or UTF-32. Names of columns that are known
    may be in capitals.

    Raises:
        FormatError: no header, a column named twice; and, while iterating, a row that is
            longer or shorter than the header (unless the policy skips it), or not UTF-8.
        OSError: the file cannot be read.
    """
    name = os.fspath(path)
    rows = _rows(name)
    line, header = next(rows, (1, []))
    columns = [one.strip() for one in header]
    columns = [one.lower() if one.lower() in known else one for one in columns]
    if not any(columns):
        raise FormatError(f"{name}: line 1: has no header", path=path, place="line 1")
    for column in columns:
        if column and columns.count(column) > 1:
            raise FormatError(
                f"{name}: line {line}, {column}: there are two columns of this name",
                path=path,
                place=f"line {line}",
                field=column,
            )
    return columns, _items(rows, columns, name, policy or ErrorPolicy())


def header_of(path: StrPath) -> list[str]:
    """Return the column names, or nothing where there is no header.

    Bytes that are not of the file's encoding are replaced: the columns are known all the same.

    Raises:
        FormatError: the first line is no row of a table.
        OSError: it cannot be read.
    """
    _, header = next(_rows(os.fspath(path), errors="replace"), (1, []))
    return [one.strip() for one in header]


def require(
    path: StrPath, columns: Sequence[str], needed: Sequence[str], *, hint: str = ""
) -> None:
    """Raise FormatError, with the hint, unless all required columns exist."""
    missing = [name for name in needed if name not in columns]
    if missing:
        raise FormatError(
            f"{os.fspath(path)}: line 1: column {missing[0]} is missing, got {', '.join(columns)}"
            f"{hint and '; hint: '}{hint}",
            path=path,
            place="line 1",
            field=missing[0],
        )


def escaped(row: Mapping[str, Any]) -> dict[str, Any]:
    """Escape a row, so that no spreadsheet runs a text as a formula."""
    return {name: escaped_cell(cell) for name, cell in row.items()}


def escaped_cell(cell: Any) -> Any:
    """Prefix `'` to a text that a spreadsheet would run as a formula."""
    is_formula = isinstance(cell, str) and cell.lstrip(" ")[:1] in _FORMULA_STARTS and cell.strip()
    return f"'{cell}" if is_formula else cell


def _items(
    rows: Iterator[tuple[int, list[str]]], columns: list[str], path: str, policy: ErrorPolicy
) -> Iterator[Item]:
    for line, cells in rows:
        if not any(cells):
            continue
        place = f"line {line}"
        if len(cells) == len(columns):
            yield Item(dict(zip(columns, cells, strict=True)), path, place)
            continue
        if not any(cells[len(columns) :]) and len(cells) > len(columns):
            yield Item(dict(zip(columns, cells, strict=False)), path, place)  # trailing separators
            continue
        policy.fail(
            FormatError(
                f"{path}: {place}: has {len(cells)} cells, and the header {len(columns)}",
                path=path,
                place=place,
            )
        )


def _rows(path: str, errors: str = "strict") -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, with the number of its first line."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
    with Path(path).open("rb") as file:
        head = file.read(_HEAD_BYTES)
    raise_if_packed(head, path)
    encoding = encoding_of(head)
    separator, skipped = _separator(head.decode(encoding, "replace"))
    line = 0
    try:
        with Path(path).open(encoding=encoding, errors=errors, newline="") as file_text:
            reader = csv.reader(file_text, strict=True, delimiter=separator)
            for cells in reader:
                if line or not skipped:
                    yield line + 1, cells
                line = reader.line_num
    except csv.Error as error:
        raise FormatError(
            f"{path}: line {line + 1}: {error}", path=path, place=f"line {line + 1}"
        ) from error
    except UnicodeDecodeError as error:
        raise _not_text(path, encoding) from error


def _separator(head: str) -> tuple[str, bool]:
    """Detect the separator, and whether the first line only names it."""
    lines = head.splitlines()
    first = lines[0] if lines else ""
    if first.lower().startswith("sep=") and len(first.strip()) == 5:
        return first[4], True
    counts = {one: _count_outside_quotes(first, one) for one in SEPARATORS}
    return max(SEPARATORS, key=lambda one: counts[one]), False


def _count_outside_quotes(line: str, separator: str) -> int:
    return sum(part.count(separator) for part in line.split('"')[::2])


def _not_text(path: str, encoding: str) -> FormatError:
    content = Path(path).read_bytes()
    name = encoding.upper().removesuffix("-SIG")
    line = column = 1
    problem = "cannot be decoded in these bytes"
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8-sig":
            line, column = place_of(content, error.start)
        problem = f"byte 0x{error.object[error.start]:02x} {problem}"
    place = f"line {line}"
    return FormatError(
        f"{path}: {place}, column {column}: not {name}: {problem}; hint: convert the file to UTF-8",
        path=path,
        place=place,
    )
