"""Checks of graceful shutdown on SIGTERM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.runtime.conformance.check import Check
from common_ml.runtime.conformance.verdict import PASSED, CheckFinding, failed, skipped

if TYPE_CHECKING:
    from common_ml.runtime.conformance.trials import Trials


def _stops_idle(trials: Trials) -> CheckFinding:
    if not trials.ordinary.finished:
        return skipped("no file was tagged, so it never waited for another")
    if trials.stopped_idle.exit_status is None:
        return failed(f"{trials.stop_seconds:g} s after SIGTERM it still waited for input")
    return PASSED


def _stops_busy(trials: Trials) -> CheckFinding:
    if not trials.ordinary.finished:
        return skipped("no file was tagged, so it was never busy")
    outcome = trials.stopped_busy
    if outcome.exit_status is None:
        return failed(f"{trials.stop_seconds:g} s after SIGTERM, while tagging, it still ran")
    is_torn = bool(outcome.content) and not outcome.content.endswith(b"\n")
    if is_torn and not trials.ordinary.torn:  # otherwise covered by whole-lines
        return failed(f"its last line was torn: ...{outcome.content[-80:]!r}")
    return PASSED


def _unfinished_stays_so(trials: Trials) -> CheckFinding:
    ordinary, outcome = trials.ordinary, trials.stopped_busy
    plain = ordinary.sent[0]
    if not ordinary.has_progress(plain):
        return skipped("no file was tagged")
    expected = len(ordinary.tags_of(plain))
    for line in outcome.sent:  # copies of the plain file
        count = len(outcome.tags_of(line))
        if outcome.has_progress(line) and count != expected:
            return failed(f"{line} got progress with {count} of its {expected} tags")
    return PASSED


CHECKS = (
    Check(
        name="stops-idle",
        title="stops on SIGTERM while idle",
        expected="a stop is SIGTERM, and SIGKILL five seconds later",
        hint="signal.signal(signal.SIGTERM, ...) with a handler that exits, also while stdin is "
        "being read; PID 1 ignores the signal by default",
        evaluate=_stops_idle,
    ),
    Check(
        name="stops-busy",
        title="stops on SIGTERM while tagging",
        expected="a stop is SIGTERM, and SIGKILL five seconds later; no line is torn by it",
        hint="leave the loop over frames soon after the signal (call "
        "common_ml.tagging.cancelled()), and stop threads and child processes",
        evaluate=_stops_busy,
    ),
    Check(
        name="stop-is-no-end",
        title="writes no progress for an interrupted file",
        expected="progress marks a file as complete: only where all of its tags are written",
        hint="after the signal write no progress for an unfinished file",
        evaluate=_unfinished_stays_so,
    ),
)
