"""Atomic writes of files and folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common_ml.utils.whole_file import replacing, write_whole


def test_a_file_is_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.html", b"new")

    assert (tmp_path / "a.html").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"old")
    (tmp_path / "a.html").chmod(0o640)

    write_whole(tmp_path / "a.html", b"new")

    assert (tmp_path / "a.html").stat().st_mode & 0o777 == 0o640


def test_a_mode_that_is_given_is_that_of_the_new_file(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"old")

    with replacing(tmp_path / "a.html", mode=0o444) as file:
        file.write(b"new")

    assert (tmp_path / "a.html").stat().st_mode & 0o777 == 0o444
    assert (tmp_path / "a.html").read_bytes() == b"new"


def test_all_content_is_on_the_disk_before_it_takes_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, (tmp_path / "a.html").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with replacing(tmp_path / "a.html", sync=True) as file:
        file.write(b"new")

    assert synced == [(3, False)]
    assert (tmp_path / "a.html").exists()


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "real.html").write_bytes(b"old")
    (tmp_path / "a.html").symlink_to("site/real.html")

    write_whole(tmp_path / "a.html", b"new")

    assert (tmp_path / "a.html").is_symlink()
    assert (tmp_path / "site" / "real.html").read_bytes() == b"new"


def test_a_failure_leaves_the_old_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.html").write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a.html", b"new")

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_device_is_written_to() -> None:
    write_whole("/dev/null", b"new")

    assert Path("/dev/null").is_char_device()
