from __future__ import annotations

import logging
from time import perf_counter

import pytest

from common_ml.utils import metrics
from common_ml.utils.metrics import timeit


def test_the_interval_is_the_time_between_entry_and_exit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(metrics, "perf_counter", lambda: next(clock))
    with caplog.at_level(logging.INFO), timeit("loading") as load:
        assert load.interval == 0
    assert load.interval == 2.5
    assert caplog.messages == ["loading: 2.500 s"]


def test_it_measures_real_time(capsys: pytest.CaptureFixture[str]) -> None:
    before = perf_counter()
    with timeit("sum") as block:
        sum(range(1000))
    assert 0 < block.interval <= perf_counter() - before
    assert capsys.readouterr().out == ""


def test_a_block_that_fails_is_measured_and_fails() -> None:
    block = timeit("fails")
    with pytest.raises(KeyError, match="mine"), block:
        raise KeyError("mine")
    assert block.interval > 0
