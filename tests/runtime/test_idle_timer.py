"""A timer that its owner stops."""

from __future__ import annotations

import threading

import pytest

from common_ml.runtime.idle_timer import IdleTimer


class FakeTimer:
    """In place of threading.Timer: does not run."""

    made: list[FakeTimer]

    def __init__(self, seconds: float, call: object) -> None:
        self.seconds, self.call = seconds, call
        self.state = "new"
        self.daemon = False
        self.made.append(self)

    def start(self) -> None:
        self.state = "started"

    def cancel(self) -> None:
        self.state = "cancelled"


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> list[FakeTimer]:
    """The timers that were made."""
    FakeTimer.made = []
    monkeypatch.setattr(threading, "Timer", FakeTimer)
    return FakeTimer.made


def test_the_function_is_called_when_the_time_is_over() -> None:
    called = threading.Event()

    IdleTimer(0, called.set).start()

    assert called.wait(60)


def test_starting_again_replaces_the_timer(timers: list[FakeTimer]) -> None:
    timer = IdleTimer(2.5, lambda: None)

    timer.start()
    timer.start()

    assert [(one.seconds, one.state, one.daemon) for one in timers] == [
        (2.5, "cancelled", True),
        (2.5, "started", True),
    ]


def test_a_stopped_timer_does_not_call(timers: list[FakeTimer]) -> None:
    timer = IdleTimer(2.5, lambda: None)
    timer.start()

    timer.stop()
    timer.stop()

    assert [one.state for one in timers] == ["cancelled"]


def test_without_a_period_there_is_no_timer(timers: list[FakeTimer]) -> None:
    IdleTimer(None, lambda: None).start()

    assert timers == []


@pytest.mark.parametrize("seconds", [1e30, float("inf")])
def test_a_time_without_end_is_waited_for(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[object] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    before = set(threading.enumerate())
    timer = IdleTimer(seconds, lambda: None)
    timer.start()
    (thread,) = set(threading.enumerate()) - before
    timer.stop()
    thread.join(30)

    assert not thread.is_alive()
    assert faults == []
