"""What happens to the output while it is written: readers that leave, names that change, locks."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import OutputError
from common_ml.tagging.messages import Progress, Tag
from common_ml.tagging.wire import Writer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_fifo_without_a_reader_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "tags")
    waits: list[float] = []
    monkeypatch.setattr("common_ml.tagging.tags_file.writer.time.sleep", waits.append)
    with pytest.raises(
        OutputError, match="it is a FIFO that has no reader; hint: start the reader"
    ):
        Writer(tmp_path / "tags")
    assert 1 < sum(waits) < 4


def test_a_reader_of_a_fifo_may_come_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "tags")
    readers: list[int] = []

    def open_reader(seconds: float) -> None:
        readers.append(os.open(tmp_path / "tags", os.O_RDONLY | os.O_NONBLOCK))

    monkeypatch.setattr("common_ml.tagging.tags_file.writer.time.sleep", open_reader)
    with Writer(tmp_path / "tags") as writer:
        writer.write(Progress("a.mp4"))
        assert b'"a.mp4"' in os.read(readers[0], 1000)
        os.close(readers[0])
        with pytest.raises(
            OutputError, match="a FIFO whose reader has left; hint: keep the reader"
        ):
            writer.write(Progress("b.mp4"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.rename(path.with_name("other")), "it was renamed"),
        (lambda path: path.unlink(), "it was deleted"),
        (lambda path: (path.rename(path.with_name("o")), path.touch()), "another file took its"),
        (lambda path: path.parent.rename(path.parent.with_name("moved")), "it was renamed"),
    ],
)
def test_an_output_that_is_no_longer_found_is_noticed_at_the_end_of_a_file(
    tmp_path: Path, change: Callable[[Path], object], words: str
) -> None:
    path = tmp_path / "output" / "tags.jsonl"
    path.parent.mkdir()
    with Writer(path) as writer:
        writer.write(Progress("a.mp4"))
        change(path)
        writer.write(Tag(tag="cat"))
        with pytest.raises(OutputError, match=f"{words}.* while the tagger runs; hint: leave it"):
            writer.write(Progress("b.mp4"))


def test_a_relative_path_is_the_same_file_in_another_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Writer("tags.jsonl") as writer:
        monkeypatch.chdir("/")
        writer.write(Progress("a.mp4"))


def test_two_writers_of_one_output_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Writer(tmp_path / "tags") as first, Writer(tmp_path / "tags") as second:
        first.warn_of_other_writers()
        assert caplog.text == ""
        second.warn_of_other_writers()
    assert "another process writes to" in caplog.text
    assert "hint: give each tagger an output file of its own" in caplog.text


def test_a_line_is_not_begun_while_the_lock_is_held(tmp_path: Path) -> None:
    lock = threading.Lock()
    with Writer(tmp_path / "tags", lock=lock) as writer:
        thread = threading.Thread(target=writer.write, args=(Progress("a.mp4"),))
        with lock:
            thread.start()
            assert (tmp_path / "tags").read_bytes() == b""
        thread.join()
    assert (tmp_path / "tags").read_bytes().count(b"\n") == 1
