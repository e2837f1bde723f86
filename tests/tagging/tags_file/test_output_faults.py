"""An output that fails: said plainly, with a status, and without a torn line."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
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


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_standard_streams_are_no_place_for_other_files(closed: str, tmp_path: Path) -> None:
    """What native code prints there would be read as numbers of signals: 15 is SIGTERM."""
    prints = (
        "def tag(self, fpath):\n        for n in (1, 2): __import__('os').write(n, b'\\x0f\\x02')"
    )
    text = textwrap.dedent(MAIN).replace("def tag(self, fpath):", prints)
    (tmp_path / "main.py").write_text(text.replace("range(1000)", "range(2)"))
    command = f'exec "$0" main.py --output-path tags.jsonl {closed}'
    result = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        cwd=tmp_path,
        input=b"a.mp4\nb.mp4\n",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    lines = (tmp_path / "tags.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["type"] for line in lines]
    assert (result.returncode, kinds) == (0, ["tag", "tag", "progress"] * 2)


def test_a_working_directory_that_was_removed(main: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [
            "/bin/sh",
            "-c",
            'rmdir "$PWD"; exec "$@"',
            "sh",
            sys.executable,
            main,
            "--output-path",
            "tags.jsonl",
        ],
        cwd=Path(tempfile.mkdtemp(dir=tmp_path)),
        input="a.mp4\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "OutputError: the output file tags.jsonl cannot be opened: No such" in result.stderr


def test_a_full_disk(main: Path, small_disk: Path) -> None:
    result = tag(main, small_disk / "tags.jsonl")
    assert result.returncode == 1
    assert "No space left on device; hint: free some space" in result.stderr
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


def test_a_limit_of_the_size_of_files(main: Path, tmp_path: Path) -> None:
    text = main.read_text()
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    main.write_text(f"{limited}\n{text}")
    result = tag(main, tmp_path / "tags.jsonl")
    assert result.returncode == 1
    assert "File too large; hint: raise the limit of a file's size" in result.stderr
    assert (tmp_path / "tags.jsonl").read_bytes().endswith(b"\n")


def test_a_descriptor_that_means_another_file_is_noticed(tmp_path: Path) -> None:
    """As after `dup2` of /dev/null over all descriptors: what is written is lost."""
    with Writer(tmp_path / "tags.jsonl") as writer, (tmp_path / "other").open("w") as other:
        number = next(
            int(entry.name)
            for entry in Path("/proc/self/fd").iterdir()
            if os.path.realpath(entry) == str(tmp_path / "tags.jsonl")
        )
        os.dup2(other.fileno(), number)
        with pytest.raises(OutputError, match=r"closed or replaced its descriptor; hint: clo"):
            writer.write(Progress("a"))
        writer.close()
        assert os.fstat(number).st_ino == os.fstat(other.fileno()).st_ino  # not ours to close
        os.close(number)


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "tags.jsonl")
    writer.close()
    with pytest.raises(OutputError, match="the writer is closed"):
        writer.write(Progress("a"))


@pytest.mark.parametrize("content", [b'[{"label": 1}]\n', b"\x1f\x8b\x08 packed\n", b"a,b\n1,2\n"])
def test_a_file_that_is_no_tags_file_is_not_resumed_and_gets_no_line(
    main: Path, tmp_path: Path, content: bytes
) -> None:
    """Not even the one about the error: it is somebody's file."""
    output = tmp_path / "labels.json"
    output.write_bytes(content)
    params = '{"common_ml": {"resume": true}}'
    result = subprocess.run(
        [sys.executable, main, "--output-path", output, "--params", params],
        input="a.mp4\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "expected a tags file, got no line that is a message; hint: name" in result.stderr
    assert output.read_bytes() == content


def test_a_directory_that_is_missing(main: Path, tmp_path: Path) -> None:
    result = tag(main, tmp_path / "missing" / "tags.jsonl")
    assert result.returncode == 1
    assert "cannot be opened: No such file or directory; hint: make its directory" in result.stderr


def test_a_directory_instead_of_a_file(main: Path, tmp_path: Path) -> None:
    result = tag(main, tmp_path)
    assert result.returncode == 1
    assert "cannot be opened: Is a directory; hint: name a file in it" in result.stderr


def test_a_read_only_file_system(main: Path, small_disk: Path) -> None:
    subprocess.run(["/bin/mount", "-o", "remount,ro", small_disk], check=True)
    result = tag(main, small_disk / "tags.jsonl")
    assert result.returncode == 1
    assert "cannot be opened: Read-only file system; hint: mount it writable" in result.stderr


@pytest.mark.parametrize("message", [Progress("a"), Error("no", source_media="a")])
def test_a_file_that_is_deleted_is_noticed_at_the_end_of_a_media_file(
    tmp_path: Path, message: Progress | Error
) -> None:
    output = tmp_path / "tags.jsonl"
    with Writer(output) as writer:
        writer.write(Tag(tag="x", source_media="a"))
        output.unlink()
        with pytest.raises(
            OutputError, match="it was deleted while the tagger runs; hint: leave it"
        ):
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
