"""A run with torn data files of coverage ends as one without them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from coverage import CoverageData

from tests.half_data import remove_torn

if TYPE_CHECKING:
    from pathlib import Path

PAGE_BYTES = 4096


def whole(file: Path) -> bytes:
    """A data file with enough lines for many pages of SQLite."""
    data = CoverageData(str(file))
    arcs = [(line, line + 1) for line in range(1, 20_000)]
    data.add_arcs({"/a.py": arcs, "/b.py": arcs})
    data.write()
    data.close(force=True)
    return file.read_bytes()


def test_what_is_torn_at_any_page_is_removed(tmp_path: Path) -> None:
    kept = tmp_path / ".coverage.kept"
    content = whole(kept)
    assert len(content) > 50 * PAGE_BYTES
    for place in range(0, len(content), PAGE_BYTES * 7):
        (tmp_path / f".coverage.cut{place}").write_bytes(content[:place])
        holed = content[:place] + bytes(PAGE_BYTES) + content[place + PAGE_BYTES :]
        (tmp_path / f".coverage.hole{place}").write_bytes(holed)
    torn = remove_torn(tmp_path / ".coverage")
    assert len(torn) == 2 * len(range(0, len(content), PAGE_BYTES * 7))
    assert [file.name for file in tmp_path.iterdir()] == [kept.name]


def test_a_file_that_lacks_tables_is_removed(tmp_path: Path) -> None:
    begun = tmp_path / ".coverage.begun"
    with closing(sqlite3.connect(begun)) as database:
        database.execute("create table coverage_schema (version integer)")
        database.execute("insert into coverage_schema values (7)")
        database.commit()
    assert remove_torn(tmp_path / ".coverage") == [begun]
    assert not begun.exists()


@pytest.mark.parametrize("num_processes", [0, 1])
def test_a_torn_file_does_not_end_the_run(
    tmp_path: Path, repository: Path, num_processes: int
) -> None:
    content = whole(tmp_path / "whole")
    (tmp_path / "whole").unlink()
    middle = len(content) // 2 // PAGE_BYTES * PAGE_BYTES  # opens, but cannot be combined
    holed = content[:middle] + bytes(PAGE_BYTES) + content[middle + PAGE_BYTES :]
    (tmp_path / "torn").write_bytes(holed)
    (tmp_path / "measured.py").write_text("number = 1\n")
    (tmp_path / "test_it.py").write_text(
        "import shutil, measured\n\n"
        "def test_it():\n    shutil.copy('torn', '.coverage.host.pid1.X1')\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\nfilterwarnings = error\n")
    (tmp_path / ".coveragerc").write_text("[run]\nbranch = true\nparallel = true\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.half_data", "-n", str(num_processes)]
    command += ["--cov", "measured", "--cov-fail-under", "100"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTEST"))}
    environment["PYTHONPATH"] = str(repository)
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 data files of killed processes left out" in done.stdout
    assert "Warning" not in done.stdout + done.stderr
