"""Open DuckDB connections: bounded memory, no network, a clear error where it is missing."""

from __future__ import annotations

import glob
from contextlib import contextmanager
from typing import TYPE_CHECKING

from common_ml.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

MEMORY_LIMIT = "512MB"
"""Memory limit of DuckDB for tables and buffers; it spills to a temporary folder."""


@contextmanager
def connect(*, threads: int, scratch: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory for the block.

    Args:
        threads: Number of threads; 1 starts none.
        scratch: Folder for spilled data; "" for none.
    """
    connection = open_connection(threads=threads, scratch=scratch)
    try:
        yield connection
    finally:
        connection.close()


def open_connection(*, threads: int, scratch: str = "") -> duckdb.DuckDBPyConnection:
    """Open a database in memory, which the caller closes.

    Raises:
        MissingExtraError: DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("duckdb", extra="data") from error
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": scratch,
        # No extension is downloaded: JSON and Parquet come with the wheel.
        "autoinstall_known_extensions": False,
        "allow_community_extensions": False,
    }
    return duckdb.connect(":memory:", config=settings)


def quoted(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted_path(path: str) -> str:
    """Quote the path of one file for SQL; DuckDB reads `[`, `*` and `?` in it as a pattern."""
    return quoted(glob.escape(path))


def quoted_list(texts: list[str]) -> str:
    """Format a list of texts for SQL."""
    return f"[{', '.join(map(quoted, texts))}]"
