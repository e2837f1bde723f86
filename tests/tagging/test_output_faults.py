"""An output that fails: said plainly, with a status, and without a torn line."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import OutputError
from common_ml.tagging.messages import Error, Progress, Tag
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

MAIN = """
    from common_ml import AVModel, Tag, catch_errors, run_default

    class Model(AVModel):
        def tag(self, fpath):
            return (Tag(tag=str(n), additional_info={"x": "x" * 5000}) for n in range(1000))

    with catch_errors():
        run_default(Model())
"""


@pytest.fixture
def main(tmp_path: Path) -> Path:
    path = tmp_path / "main.py"
    path.write_text(textwrap.dedent(MAIN))
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real tmpfs of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not Path("/bin/mount").exists():
        pytest.skip("needs mount to make a small tmpfs")
    mounted = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["/bin/umount", folder], check=True)


def tag(main: Path, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, main, "--output-path", output],
        input="a.mp4\n",
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_full_disk(main: Path, small_disk: Path) -> None:
    result = tag(main, small_disk / "tags.jsonl")
    assert result.returncode == 1
    assert "No space left on device: free some space" in result.stderr
    content = (small_disk / "tags.jsonl").read_bytes()
    assert content.endswith(b"\n")
    assert {json.loads(line)["type"] for line in content.splitlines()} <= {"tag", "error"}
    assert len(content) > 500_000


def test_a_line_that_does_not_fit_is_taken_back(small_disk: Path) -> None:
    with Writer(small_disk / "tags.jsonl") as writer:
        writer.write(Progress("before"))
        with pytest.raises(OutputError, match="No space left on device"):
            writer.write(Tag(tag="x" * 2_000_000, source_media="a"))
        assert (small_disk / "tags.jsonl").read_bytes().count(b"\n") == 1
        writer.write(Progress("after"))  # there is room for small ones
    lines = (small_disk / "tags.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["data"]["source_media"] for line in lines] == ["before", "after"]


def test_a_directory_that_is_missing(main: Path, tmp_path: Path) -> None:
    result = tag(main, tmp_path / "missing" / "tags.jsonl")
    assert result.returncode == 1
    assert "cannot be opened: No such file or directory: make its directory" in result.stderr


def test_a_directory_instead_of_a_file(main: Path, tmp_path: Path) -> None:
    result = tag(main, tmp_path)
    assert result.returncode == 1
    assert "cannot be opened: Is a directory: name a file in it" in result.stderr


def test_a_read_only_file_system(main: Path, small_disk: Path) -> None:
    subprocess.run(["/bin/mount", "-o", "remount,ro", small_disk], check=True)
    result = tag(main, small_disk / "tags.jsonl")
    assert result.returncode == 1
    assert "cannot be opened: Read-only file system: mount it writable" in result.stderr


@pytest.mark.parametrize("message", [Progress("a"), Error("no", source_media="a")])
def test_a_file_that_is_deleted_is_noticed_at_the_end_of_a_media_file(
    tmp_path: Path, message: Progress | Error
) -> None:
    output = tmp_path / "tags.jsonl"
    with Writer(output) as writer:
        writer.write(Tag(tag="x", source_media="a"))
        output.unlink()
        with pytest.raises(OutputError, match="it was deleted while the tagger runs: leave it"):
            writer.write(message)


def test_a_torn_last_line_of_another_writer_is_ended(tmp_path: Path) -> None:
    output = tmp_path / "tags.jsonl"
    output.write_bytes(b'{"type":"ta')
    for _ in range(2):
        with Writer(output) as writer:
            writer.write(Progress("a"))
    assert output.read_bytes().count(b"\n") == 3


def test_a_fifo_is_written_and_not_read(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDWR)
    os.write(reader, b"for others")
    with Writer(fifo) as writer:
        writer.write(Progress("a"))
    assert os.read(reader, 100).startswith(b'for others{"type":"progress"')
    os.close(reader)


@pytest.mark.parametrize(
    ("code", "says"),
    [(errno.EDQUOT, "free some space or raise the quota"), (errno.EIO, "Input/output error")],
)
def test_a_quota_or_a_broken_disk_in_the_middle_of_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, says: str
) -> None:
    """The system takes half of a line, and then no more: the half is cut off again."""
    real_write, limit = os.write, 100

    def write(descriptor: int, data: bytes) -> int:
        nonlocal limit
        room, limit = limit, 0
        if room == 0:
            raise OSError(code, os.strerror(code))
        return real_write(descriptor, data[:room])

    output = tmp_path / "tags.jsonl"
    with Writer(output) as writer:
        writer.write(Progress("before"))
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(OutputError, match=says):
            writer.write(Tag(tag="x" * 1000, source_media="a"))
        monkeypatch.undo()
        writer.write(Progress("after"))
    lines = output.read_bytes().splitlines()
    assert [json.loads(line)["data"]["source_media"] for line in lines] == ["before", "after"]
