"""Read the table of an image folder: `metadata.jsonl` or `metadata.csv` beside its pictures."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from dataclasses import replace
from typing import TYPE_CHECKING

from common_ml.data.formats.shared.encodings import as_utf8
from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.json_file import parse_json
from common_ml.data.formats.shared.named_paths import is_file
from common_ml.data.formats.shared.stray import data_files
from common_ml.data.formats.shared.tables import read_table
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.data.formats.shared.policy import ErrorPolicy

NAMES = ("metadata.jsonl", "metadata.csv")


def tables_of(folder: Path) -> list[Path]:
    """Return the tables below a folder."""
    return [path for name in NAMES for path in data_files(folder, f"**/{name}")]


def is_table(path: Path) -> bool:
    """Whether a file is such a table, and not Parquet."""
    return path.suffix.lower() in (".jsonl", ".csv", ".json")


def rows_of(path: Path, policy: ErrorPolicy) -> Iterator[Item]:
    """Yield the rows; pictures that lie beside the table have their paths."""
    rows = _cells(path, policy) if path.suffix.lower() == ".csv" else _lines(path, policy)
    for row in rows:
        name = row.get("file_name")
        if isinstance(name, str) and name and is_file(path.parent / name):
            yield replace(row, data={**row.data, "file_name": os.fspath(path.parent / name)})
        else:
            yield row


def _cells(path: Path, policy: ErrorPolicy) -> Iterator[Item]:
    _, rows = read_table(path, policy, known=("file_name",))
    for row in rows:
        yield replace(row, data={key: one for key, one in row.data.items() if key and one})


def _lines(path: Path, policy: ErrorPolicy) -> Iterator[Item]:
    text = as_utf8(path.read_bytes()).removeprefix(BOM_UTF8)
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        item = Item({}, os.fspath(path), f"line {number}")
        shown: object = line[:80]
        try:
            row = parse_json(line, item.path)
            shown = row
        except FormatError:
            row = None
        if isinstance(row, dict):
            yield replace(item, data=row)
        else:
            policy.fail(item.error(f"must be a JSON object, got {shown!r:.80}"))
