"""The limit of failed logins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from common_ml.service.auth.rate_limit import _MAX_KEYS, FailureLimit


def test_the_eleventh_failure_waits_and_a_success_clears() -> None:
    now = [1000.0]
    limit = FailureLimit(failures=10, per_seconds=60, clock=lambda: now[0])
    for _ in range(10):
        assert limit.retry_after("ann", "::1") == 0
        limit.add("ann", "::1")

    assert limit.retry_after("ann") == 6
    assert limit.retry_after("bob") == 0
    now[0] += 5.9
    assert 0 < limit.retry_after("ann") < 0.2
    now[0] += 0.2
    assert limit.retry_after("ann") == 0
    limit.add("ann")
    limit.clear("ann")
    assert limit.retry_after("ann") == 0
    assert limit.retry_after("::1") == 0


@given(st.lists(st.floats(0, 30), max_size=40))
def test_a_bucket_drains_while_it_fills(pauses: list[float]) -> None:
    """Against the level, added up second by second of the pauses."""
    now, level = 0.0, 0.0
    limit = FailureLimit(failures=5, per_seconds=50, clock=lambda: now)
    for pause in pauses:
        now += pause
        level = max(0.0, level - pause / 10)
        assert abs(limit.retry_after("ann") - max(0.0, (level - 4) * 10)) < 1e-6
        limit.add("ann")
        level += 1


def test_names_that_somebody_makes_up_do_not_fill_the_memory() -> None:
    """The oldest failures are forgotten; those of a name that goes on failing are not."""
    limit = FailureLimit(failures=1, per_seconds=1e9)
    limit.add("old")
    for number in range(_MAX_KEYS):
        limit.add(number, "busy")

    assert limit.retry_after("old") == 0
    assert limit.retry_after("busy") > 0
