"""Which file a tagger's failure is attributed to."""

from __future__ import annotations

import pytest

from common_ml.errors import TaggerError
from common_ml.runtime.failure_attribution import FailureAttribution
from common_ml.runtime.kept_files import KeptFile
from common_ml.tagging.messages import Error

ERROR = TaggerError("the tagger died", exit_status=1)


def test_the_first_open_file_fails_after_its_last_attempt() -> None:
    attribution = FailureAttribution(max_tries=2)
    files = [KeptFile("a", "a"), KeptFile("b", "b")]

    assert attribution.record_exit(files, ERROR) is None
    assert attribution.record_exit(files, ERROR) is files[0]

    assert [file.num_tries for file in files] == [2, 0]


def test_without_a_limit_no_file_fails() -> None:
    attribution = FailureAttribution(max_tries=None)
    file = KeptFile("a", "a")

    assert [attribution.record_exit([file], ERROR) for _ in range(5)] == [None] * 5
    assert not attribution.is_tagger_fault


@pytest.mark.parametrize(("exit_status", "num_tries"), [(1, 0), (0, 1)])
def test_an_error_before_a_failing_exit_names_the_cause(exit_status: int, num_tries: int) -> None:
    """After status 0 without progress the first open file is suspected all the same."""
    attribution = FailureAttribution(max_tries=1)
    attribution.last_message = Error("cannot be read", "b")
    file = KeptFile("a", "a")

    attribution.record_exit([file], TaggerError("ended", exit_status=exit_status))

    assert file.num_tries == num_tries


def test_a_cancelled_file_is_no_suspect() -> None:
    attribution = FailureAttribution(max_tries=1)

    assert attribution.record_exit([], ERROR) is None
    assert attribution.record_exit([KeptFile("a", "a", is_cancelled=True)], ERROR) is None


def test_a_tagger_that_never_finishes_a_file_is_at_fault() -> None:
    """After twice as many failures as a file has attempts."""
    attribution = FailureAttribution(max_tries=2)
    faults = []
    for name in ("a", "a", "b", "b"):
        attribution.record_exit([KeptFile(name, name)], ERROR)
        faults.append(attribution.is_tagger_fault)
    assert faults == [False, False, False, True]

    attribution.reset()

    assert not attribution.is_tagger_fault
