"""Counts of large results that are kept for a few seconds."""

from __future__ import annotations

import threading

import pytest

from common_ml.service.api.recent_counts import SECONDS, RecentCounts


def test_a_large_count_is_made_again_after_some_seconds() -> None:
    now = 0.0
    counts = RecentCounts(large=10, now=lambda: now)
    answers = iter([10, 20, 30])
    assert counts.get("a", lambda: next(answers)) == 10
    now = SECONDS - 0.01
    assert counts.get("a", lambda: next(answers)) == 10
    assert counts.get("b", lambda: next(answers)) == 20
    now = SECONDS
    assert counts.get("a", lambda: next(answers)) == 30


def test_a_small_count_is_made_each_time() -> None:
    counts = RecentCounts(large=10)
    answers = iter(range(3))
    assert [counts.get("a", lambda: next(answers)) for _ in range(3)] == [0, 1, 2]


def test_many_who_ask_at_once_wait_for_one_count() -> None:
    counts = RecentCounts(large=10)
    begun, go_on = threading.Event(), threading.Event()
    calls: list[int] = []
    answers: list[int] = []

    def count() -> int:
        calls.append(1)
        begun.set()
        assert go_on.wait(60)
        return 50

    threads = [
        threading.Thread(target=lambda: answers.append(counts.get("a", count))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    go_on.set()
    for thread in threads:
        thread.join()
    assert answers == [50] * 4
    assert len(calls) == 1


def test_a_count_that_fails_is_made_again() -> None:
    counts = RecentCounts(large=10)

    def fails() -> int:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        counts.get("a", fails)
    assert counts.get("a", lambda: 11) == 11
