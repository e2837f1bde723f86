"""What a tagger has yet to do, and for how long it has been silent about it."""

from __future__ import annotations

import time

import pytest

from common_ml.runtime.backlog import Backlog


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day, as its only element."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_file_is_open_as_often_as_it_was_sent() -> None:
    backlog = Backlog()
    for path in ("b", "a", "b"):
        backlog.add(path)

    assert (backlog.files, backlog.named) == (["b", "b", "a"], "3 files, b first")
    for path in ("b", "a", "never sent"):
        backlog.settle(path)
    assert (backlog.files, backlog.named) == (["b"], "b")
    backlog.settle("b")
    assert (backlog.files, backlog.named) == ([], "")


def test_silence_counts_from_the_first_file_or_the_last_word(clock: list[float]) -> None:
    backlog = Backlog()
    clock[0] = 110
    assert backlog.silent_seconds == 0  # there is no work
    backlog.add("a")
    clock[0] = 115
    backlog.add("b")  # it has work already
    assert backlog.silent_seconds == 5
    backlog.restart()
    clock[0] = 118
    assert backlog.silent_seconds == 3
    backlog.settle("a")
    backlog.settle("b")
    assert backlog.silent_seconds == 0


def test_the_end_of_input_is_work(clock: list[float]) -> None:
    backlog = Backlog()
    clock[0] = 120
    backlog.close()
    clock[0] = 127

    assert backlog.input_closed
    assert backlog.silent_seconds == 7
