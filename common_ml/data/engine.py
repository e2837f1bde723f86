"""DuckDB, as this package uses it: in bounded memory, offline, and told where it is missing."""

from __future__ import annotations

import glob
from contextlib import contextmanager
from typing import TYPE_CHECKING

from common_ml.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

MEMORY_LIMIT = "512MB"
"""What DuckDB may use for tables and buffers; the rest it puts into a temporary folder."""


@contextmanager
def connect(*, threads: int, scratch: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, for as long as the block.

    Args:
        threads: How many may work at once; 1 starts none.
        scratch: Folder for what does not fit into memory; "" for none.
    """
    connection = open_connection(threads=threads, scratch=scratch)
    try:
        yield connection
    finally:
        connection.close()


def open_connection(*, threads: int, scratch: str = "") -> duckdb.DuckDBPyConnection:
    """A database in memory, which the caller closes.

    Raises:
        MissingExtraError: DuckDB is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingExtraError("duckdb", extra="data") from error
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": scratch,
        # Nothing is fetched from anywhere: JSON and Parquet come with the wheel.
        "autoinstall_known_extensions": False,
        "allow_community_extensions": False,
    }
    return duckdb.connect(":memory:", config=settings)


def quoted(text: str) -> str:
    """A text as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


def quoted_path(path: str) -> str:
    """The path of one file as SQL has it; DuckDB takes `[`, `*` and `?` in it for a pattern."""
    return quoted(glob.escape(path))


def quoted_list(texts: list[str]) -> str:
    """A list of texts as SQL has it."""
    return f"[{', '.join(map(quoted, texts))}]"
