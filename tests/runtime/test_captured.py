"""Output that is captured in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.runtime.captured import Captured

if TYPE_CHECKING:
    from pathlib import Path


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_what_was_in_the_file_before_is_not_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "stderr.txt"
    append(path, b"an earlier run\n")
    captured = Captured(path)
    append(path, b"one\ntwo\n")

    assert captured.text() == "one\ntwo\n"
    assert captured.text(last_bytes=4) == "two\n"
    assert captured.text(last_bytes=1000) == "one\ntwo\n"
    assert captured.since(4) == b"two\n"
    assert captured.last_lines() == "one\ntwo"


def test_a_file_that_somebody_removes_has_no_text(tmp_path: Path) -> None:
    path = tmp_path / "stderr.txt"
    append(path, b"one\n")
    captured = Captured(path)
    path.unlink()

    assert (captured.text(), captured.since(0), captured.last_lines()) == ("", b"", "")
    captured.keep()
    assert captured.text() == ""


def test_a_removed_file_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "stderr.txt"
    append(path, b"before\n")
    captured = Captured(path)
    append(path, b"one\n\xff\n")

    captured.keep()
    path.unlink()

    assert captured.text() == "one\n\ufffd\n"
    assert captured.since(4) == b"\xff\n"
    assert captured.since(100) == b""
