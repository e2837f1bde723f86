"""Signals: the first stops a job, the second the program."""

from __future__ import annotations

import signal

import pytest

from common_ml.cli.stopping import cleaned_up_on_sigterm, stopped_by_signals


class Job:
    def __init__(self) -> None:
        self.num_stops = 0

    def stop(self) -> None:
        self.num_stops += 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_job_and_the_second_the_program(number: signal.Signals) -> None:
    job = Job()
    lines: list[str] = []
    before = signal.getsignal(number)

    with stopped_by_signals(job, lines.append) as received:
        assert received == []
        signal.raise_signal(number)
        assert (received, job.num_stops) == ([number], 1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert lines == ["stopping; press Ctrl-C again to stop at once"]
    assert job.num_stops == 1
    assert signal.getsignal(number) is before


def test_a_line_that_cannot_be_printed_does_not_keep_a_job_from_stopping() -> None:
    """A stream that is in the middle of a line refuses another one from a signal handler."""

    def refuse(line: str) -> None:
        raise RuntimeError("reentrant call")

    job = Job()
    with stopped_by_signals(job, refuse) as received:
        signal.raise_signal(signal.SIGINT)

    assert (received, job.num_stops) == ([signal.SIGINT], 1)


def test_sigterm_exits_through_all_that_cleans_up() -> None:
    cleaned: list[str] = []
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(SystemExit) as caught:
        _end_by_sigterm(cleaned)

    assert caught.value.code == 143
    assert cleaned == ["folder"]
    assert signal.getsignal(signal.SIGTERM) is before


def _end_by_sigterm(cleaned: list[str]) -> None:
    with cleaned_up_on_sigterm():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)  # ignored: the clean-up is not interrupted
            cleaned.append("folder")
