"""Atomic writes of files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_ml.utils.whole_file import write_whole


def test_a_file_is_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.html", b"new")

    assert (tmp_path / "a.html").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"old")
    (tmp_path / "a.html").chmod(0o640)

    write_whole(tmp_path / "a.html", b"new")

    assert (tmp_path / "a.html").stat().st_mode & 0o777 == 0o640


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
