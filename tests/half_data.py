"""Data files of coverage that a killed process has written by half: they must not end the run.

Coverage writes without a journal, so what is killed in the middle leaves a database that is torn.
Some tears show when the file is opened, which is a warning; others when it is combined with the
rest, and that ends pytest with an internal error.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

TABLES = frozenset({"coverage_schema", "meta", "file", "context", "line_bits", "arc", "tracer"})


@pytest.hookimpl(wrapper=True, trylast=True)  # within pytest-cov's, which combines after its yield
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Remove torn data files when all tests have ended, and say how many there were.

    A worker of pytest-xdist does not: others may still be writing theirs.
    """
    result = yield
    config = session.config
    measured = getattr(config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    if measured is not None and not hasattr(config, "workerinput"):
        torn = remove_torn(Path(measured.topdir, measured.cov.get_option("run:data_file")))
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if torn and reporter is not None:
            reporter.write_line(f"\ncoverage: {len(torn)} data files of killed processes left out")
    return result


def remove_torn(base: Path) -> list[Path]:
    """Remove those data files beside `base`, named after it, that cannot be read to their end."""
    files = base.parent.glob(f"{base.name}.*")
    torn = [file for file in files if not _is_whole(file)]
    for file in torn:
        file.unlink()
    return torn


def _is_whole(file: Path) -> bool:
    """Whether SQLite finds no fault in it, and all tables and the schema's version stand in it."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
            checked = database.execute("pragma integrity_check").fetchall()
            version = database.execute("select version from coverage_schema").fetchone()
            tables = database.execute("select name from sqlite_master where type = 'table'")
            lacking = TABLES - {name for (name,) in tables}
    except sqlite3.Error:
        return False
    return checked == [("ok",)] and version is not None and not lacking
