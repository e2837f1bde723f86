from __future__ import annotations

import threading
from functools import partial

import pytest

from common_ml.media.video.ordered_results import OrderedResults, produced_in_order


def test_results_come_in_order_whoever_makes_them() -> None:
    second_is_made = threading.Event()

    def makes_the_second(results: OrderedResults[str]) -> None:
        results.put(1, 1, lambda: "second")
        second_is_made.set()

    def makes_the_others(results: OrderedResults[str]) -> None:
        second_is_made.wait()
        results.put(0, 1, lambda: "first")
        results.put(2, 1, lambda: "third")
        results.end(3)

    assert list(produced_in_order([makes_the_second, makes_the_others], 10)) == [
        "first",
        "second",
        "third",
    ]


def test_makers_run_ahead_as_far_as_the_budget_reaches() -> None:
    made: list[int] = []
    three_are_made = threading.Event()

    def make(number: int) -> int:
        made.append(number)
        return number

    def producer(results: OrderedResults[int]) -> None:
        for number in range(10):
            results.put(number, 4, partial(make, number))
            if number == 2:
                three_are_made.set()
        results.end(10)

    results = produced_in_order([producer], 12)
    assert next(results) == 0
    three_are_made.wait(10)
    assert set(made) <= {0, 1, 2, 3}  # one was taken, three may wait
    assert list(results) == list(range(1, 10))


def test_a_result_beyond_the_budget_is_made_in_its_turn() -> None:
    def producer(results: OrderedResults[str]) -> None:
        results.put(0, 1000, lambda: "large")
        results.put(1, 1000, lambda: "larger")
        results.end(2)

    assert list(produced_in_order([producer], 1)) == ["large", "larger"]


def test_an_error_comes_in_the_place_of_its_result() -> None:
    def producer(results: OrderedResults[str]) -> None:
        results.put(0, 1, lambda: "first")
        results.fail(1, RuntimeError("broken"))

    results = produced_in_order([producer], 10)
    assert next(results) == "first"
    with pytest.raises(RuntimeError, match="broken"):
        next(results)


def test_leaving_stops_and_joins_the_makers() -> None:
    has_ended = threading.Event()

    def producer(results: OrderedResults[int]) -> None:
        try:
            for number in range(10**9):
                results.put(number, 1, lambda: 1)
        finally:
            has_ended.set()

    before = set(threading.enumerate())
    results = produced_in_order([producer, producer], 5)
    assert next(results) == 1
    results.close()  # type: ignore[attr-defined] # it is a generator
    assert has_ended.is_set()
    assert not set(threading.enumerate()) - before
