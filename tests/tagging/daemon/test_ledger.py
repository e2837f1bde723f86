"""The outcome of each file, at a cost that does not grow with their number."""

from __future__ import annotations

import logging
import statistics
import time
from typing import TYPE_CHECKING

import pytest

from common_ml.tagging.daemon.ledger import Ledger
from common_ml.tagging.messages import Tag
from common_ml.tagging.wire import Writer, read_messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    with Writer(tmp_path / "tags.jsonl") as opened:
        yield opened


def seconds_to_look(writer: Writer, num_files: int) -> float:
    """The median time to ask for one file among so many that are open."""
    ledger = Ledger(writer, continue_on_error=True)
    ledger.accept(f"{number}.mp4" for number in range(num_files))
    seconds = []
    for number in range(200):
        start = time.process_time()
        assert ledger.open_files([f"{number}.mp4"]) == [f"{number}.mp4"]
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def test_the_time_of_a_file_does_not_depend_on_how_many_are_open(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    few, many = seconds_to_look(writer, 200), seconds_to_look(writer, 20_000)
    assert many < 20 * few  # walking through all of them made it a hundred times


def test_a_file_that_was_sent_twice_is_open_twice(writer: Writer) -> None:
    ledger = Ledger(writer, continue_on_error=True)
    ledger.accept(["a", "b", "a"])
    assert ledger.open_files() == ["a", "a", "b"]
    assert ledger.open_files(["a"]) == ["a"]
    assert ledger.open_files(["b", "a", "a", "a", "c"]) == ["b", "a", "a"]


def test_each_accepted_path_is_logged(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Ledger(writer, continue_on_error=True).accept(["media/a.mp4", "media/\x1b.mp4"])
    got = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert got == ["Got media/a.mp4", r"Got media/\x1b.mp4"]


def test_a_failed_file_gets_nothing_more(writer: Writer) -> None:
    ledger = Ledger(writer, continue_on_error=True)
    ledger.accept(["a/one.mp4"])
    ledger.fail(["a/one.mp4"], ValueError("x"))
    ledger.send(Tag(tag="late", source_media="one.mp4"))
    (error,) = read_messages(writer.path)
    assert error.source_media == "a/one.mp4"  # type: ignore[attr-defined] # an Error
