"""A wait ends with its time, with the flag, and with the flag that a handler sets."""

from __future__ import annotations

import signal
import threading

import pytest

from common_ml.tagging.job.wakeup import Wakeup


def test_the_flag_ends_one_wait() -> None:
    wakeup = Wakeup()
    wakeup.set()
    wakeup.set()  # as good as once

    assert wakeup.wait(0)
    assert not wakeup.wait(0)


@pytest.mark.parametrize("seconds", [-1.0, -1e-6, 0.0, 1e-9, 1e-3])
def test_the_time_is_over(seconds: float) -> None:
    assert not Wakeup().wait(seconds)


def test_a_time_that_no_clock_reaches_and_none_at_all_wait_for_the_flag() -> None:
    for seconds in (1e300, float("inf"), None):
        wakeup = Wakeup()
        thread = threading.Thread(target=wakeup.set)
        thread.start()
        assert wakeup.wait(seconds)
        thread.join()


def test_a_flag_set_before_does_not_make_a_later_wait_endless() -> None:
    """As of `queue.SimpleQueue.get` with times of a few microseconds."""
    wakeup = Wakeup()
    for number in range(2_000):
        wakeup.set()
        assert wakeup.wait(None)
        assert not wakeup.wait(number % 20 * 1e-6)


def test_no_flag_is_lost_between_threads() -> None:
    """What was appended before `set` is there after `wait`."""
    wakeup, arrived, taken = Wakeup(), [0], 0

    def append() -> None:
        for number in range(1, 5_001):
            arrived[0] = number
            wakeup.set()

    thread = threading.Thread(target=append)
    thread.start()
    while taken < 5_000:
        assert wakeup.wait(60)
        taken = arrived[0]
    thread.join()


def test_a_signal_handler_wakes_the_thread_that_it_interrupts() -> None:
    wakeup = Wakeup()
    before = signal.signal(signal.SIGUSR1, lambda *_: wakeup.set())
    try:
        signal.raise_signal(signal.SIGUSR1)
        assert wakeup.wait(0)
        main = threading.main_thread().ident
        assert main is not None
        thread = threading.Thread(target=signal.pthread_kill, args=(main, signal.SIGUSR1))
        thread.start()
        assert wakeup.wait(60)
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
