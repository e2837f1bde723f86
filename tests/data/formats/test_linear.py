"""Readers of annotations take time linear in the number of bytes, whatever is repeated."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

import pytest

from tests.soak.fuzz_readers import annotation_checks, annotation_seeds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNITS = [
    b"<!---->", b"<a>", b"&amp;", b"[", b'{"a":', b'"', b"\\", b",", b"\n", b" ", b"0 0 0 0 0\n",
    b"-->", b"00:00.000 --> 00:01.000\nx\n\n", b"NOTE x\n\n", b"a: b\n", b"<![CDATA[",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(annotation_checks()))
def test_ten_times_the_bytes_take_about_ten_times_as_long(tmp_path: Path, name: str) -> None:
    """A quadratic reader would take a hundred times as long."""
    check = annotation_checks()[name]
    folder = tmp_path / "seed"
    folder.mkdir()
    start = annotation_seeds(name, folder)[0]
    for place, unit in enumerate(UNITS):
        few, many = (start + unit * (size // len(unit)) for size in (20_000, 200_000))
        taken = cpu_seconds(check, few, tmp_path / f"{place} few")
        # the collector of a process with many objects may take half a second at any moment: what
        # is quadratic takes too long each time
        tries = (cpu_seconds(check, many, tmp_path / f"{place} many {one}") for one in range(3))
        assert any(seconds < 30 * taken + 0.3 for seconds in tries), unit


def cpu_seconds(check: Callable[[bytes, Path], object], content: bytes, folder: Path) -> float:
    """What reading a file takes, without the collection of other tests' objects."""
    folder.mkdir()
    gc.disable()
    try:
        before = time.process_time()
        check(content, folder)
        return time.process_time() - before
    finally:
        gc.enable()
