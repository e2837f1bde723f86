"""Tags files that are not, that change or that never end: an error, at once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import WireError
from common_ml.tagging.messages import Progress
from common_ml.tagging.tags_file import reader as reader_module
from common_ml.tagging.wire import read_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def append(tags: Path) -> None:
    with tags.open("ab") as file:
        file.write(LINE)


LINE = b'{"type":"progress","data":{"source_media":"a.mp4"}}\n'


def test_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    """To open one for reading waits for a writer."""
    os.mkfifo(tmp_path / "tags.jsonl")

    with pytest.raises(OSError, match="not a regular file"):
        list(read_messages(tmp_path / "tags.jsonl"))


def test_a_device_is_refused() -> None:
    with pytest.raises(OSError, match="not a regular file"):
        list(read_messages("/dev/zero"))


def test_a_link_is_refused_where_its_writer_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_bytes(LINE)
    link = tmp_path / "tags.jsonl"
    link.symlink_to("real.jsonl")

    assert list(read_messages(link)) == [Progress("a.mp4")]
    with pytest.raises(OSError, match="symbolic link"):
        list(read_messages(link, allow_links=False))


@pytest.mark.parametrize("become", ["file", "link", "fifo"])
def test_another_file_of_its_name_is_noticed(tmp_path: Path, become: str) -> None:
    tags = tmp_path / "tags.jsonl"
    tags.write_bytes(LINE)
    reader = read_messages(tags, follow=True, stop=lambda: False, allow_links=False)
    assert next(reader) == Progress("a.mp4")

    tags.unlink()
    if become == "file":
        tags.write_bytes(LINE * 2)
    elif become == "link":
        tags.symlink_to("/etc/passwd")
    else:
        os.mkfifo(tags)

    with reader, pytest.raises(OSError, match="replaced by another file"):
        next(reader)


def test_a_cut_file_is_noticed(tmp_path: Path) -> None:
    """Its reader would wait for ever at a place that no longer exists."""
    tags = tmp_path / "tags.jsonl"
    tags.write_bytes(LINE * 2)
    reader = read_messages(tags, follow=True, stop=lambda: False)
    assert [next(reader), next(reader)] == [Progress("a.mp4")] * 2

    tags.write_bytes(LINE)

    with reader, pytest.raises(OSError, match="truncated"):
        next(reader)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(reader_module, "MAX_LINE_BYTES", 10_000)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("extra", [1, 999, 1000, 1001, 50_000])
def test_a_line_that_is_too_long_is_an_error_of_its_own(tmp_path: Path, extra: int) -> None:
    """The lines around it are read."""
    tags = tmp_path / "tags.jsonl"
    tags.write_bytes(LINE + b"x" * (10_000 + extra) + b"\n" + LINE + LINE)
    reader = read_messages(tags)

    assert next(reader) == Progress("a.mp4")
    with pytest.raises(WireError, match=r":2: the line is longer than 10,000 bytes$"):
        next(reader)
    assert list(reader) == [Progress("a.mp4")] * 2
    assert reader.line_number == 4


@pytest.mark.usefixtures("small_limits")
def test_a_line_that_never_ends_is_reported_before_its_end(tmp_path: Path) -> None:
    tags = tmp_path / "tags.jsonl"
    with tags.open("wb") as file:
        file.truncate(1 << 20)
    reader = read_messages(tags, follow=True, stop=lambda: False)

    with reader, pytest.raises(WireError, match="longer than 10,000 bytes"):
        next(reader)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("size", [10, 999, 1000, 1001, 5000, 9900])
def test_a_long_line_that_grows_is_one_line(tmp_path: Path, size: int) -> None:
    line = LINE.replace(b"a.mp4", b"a" * size)
    tags = tmp_path / "tags.jsonl"
    tags.touch()
    rest = bytearray(line + LINE)

    def grow() -> bool:
        with tags.open("ab") as file:
            file.write(rest[:700])
        del rest[:700]
        return not rest

    messages = list(read_messages(tags, follow=True, stop=grow, poll_seconds=0))

    assert messages == [Progress("a" * size), Progress("a.mp4")]


@pytest.mark.usefixtures("small_limits")
def test_a_long_incomplete_line_that_is_cut_off_leaves_no_trace(tmp_path: Path) -> None:
    """Its writer resumes: the same place holds another line then."""
    tags = tmp_path / "tags.jsonl"
    tags.write_bytes(LINE + b"x" * 5000)
    steps: Iterator[Callable[[], object]] = iter(
        [
            lambda: False,
            lambda: os.truncate(tags, len(LINE)),
            lambda: append(tags),
            lambda: True,
        ]
    )

    messages = list(
        read_messages(tags, follow=True, stop=lambda: bool(next(steps)()), poll_seconds=0)
    )

    assert messages == [Progress("a.mp4")] * 2


def test_the_bytes_read_of_a_growing_line_are_linear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the size is at most about twice the work, however often it is looked at."""
    monkeypatch.setattr(reader_module, "CHUNK_BYTES", 1000)
    num_read = [0]
    pread = os.pread

    def counted(descriptor: int, size: int, offset: int) -> bytes:
        data = pread(descriptor, size, offset)
        num_read[0] += len(data)
        return data

    monkeypatch.setattr(os, "pread", counted)

    def work(size: int) -> int:
        tags = tmp_path / f"{size}.jsonl"
        tags.touch()
        left = [size]

        def grow() -> bool:
            with tags.open("ab") as file:
                file.write(b"x" * 500)
            left[0] -= 500
            return left[0] <= 0

        num_read[0] = 0
        assert list(read_messages(tags, follow=True, stop=grow, poll_seconds=0)) == []
        return num_read[0]

    assert work(400_000) < 2.5 * work(200_000)
