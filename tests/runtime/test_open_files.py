"""Files without progress or error, and the silence of their tagger."""

from __future__ import annotations

import time

import pytest

from common_ml.runtime.open_files import OpenFiles


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day, as its only element."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_file_is_open_as_often_as_it_was_sent() -> None:
    open_files = OpenFiles()
    for path in ("b", "a", "b"):
        open_files.add(path)

    assert (open_files.paths, open_files.summary) == (["b", "b", "a"], "3 files, b first")
    for path in ("b", "a", "never sent"):
        open_files.finish(path)
    assert (open_files.paths, open_files.summary) == (["b"], "b")
    open_files.finish("b")
    assert (open_files.paths, open_files.summary) == ([], "")


def test_silence_counts_from_the_first_file_or_the_last_message(clock: list[float]) -> None:
    open_files = OpenFiles()
    clock[0] = 110
    assert open_files.silent_seconds == 0  # there is no work
    open_files.add("a")
    clock[0] = 115
    open_files.add("b")  # it has work already
    assert open_files.silent_seconds == 5
    open_files.restart()
    clock[0] = 118
    assert open_files.silent_seconds == 3
    open_files.finish("a")
    open_files.finish("b")
    assert open_files.silent_seconds == 0


def test_the_end_of_input_is_work(clock: list[float]) -> None:
    open_files = OpenFiles()
    clock[0] = 120
    open_files.close()
    clock[0] = 127

    assert open_files.input_closed
    assert open_files.silent_seconds == 7
