"""Checks of how a tagger stops before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.runtime.conformance.verdict import PASSED, Check, Verdict, failed, skipped

if TYPE_CHECKING:
    from common_ml.runtime.conformance.trials import Trials


def _stops_idle(trials: Trials) -> Verdict:
    if not trials.ordinary.finished:
        return skipped("no file was tagged, so that it never waited for another")
    if trials.stopped_idle.exit_status is None:
        return failed(f"{trials.stop_seconds:g} s after SIGTERM it still waited for input")
    return PASSED


def _stops_busy(trials: Trials) -> Verdict:
    if not trials.ordinary.finished:
        return skipped("no file was tagged, so that it never was at work")
    outcome = trials.stopped_busy
    if outcome.exit_status is None:
        return failed(
            f"{trials.stop_seconds:g} s after SIGTERM, in the midst of files, it still ran"
        )
    is_torn = bool(outcome.content) and not outcome.content.endswith(b"\n")
    if is_torn and not trials.ordinary.torn:  # else it does that in any case
        return failed(f"its last line was torn: ...{outcome.content[-80:]!r}")
    return PASSED


def _unfinished_stays_so(trials: Trials) -> Verdict:
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
        title="stops at SIGTERM while it waits",
        expected="a stop is SIGTERM, and SIGKILL five seconds later",
        mend="signal.signal(signal.SIGTERM, ...) with a handler that exits, also while stdin is "
        "being read; as PID 1 the default is to ignore it",
        judge=_stops_idle,
    ),
    Check(
        name="stops-busy",
        title="stops at SIGTERM while it works",
        expected="a stop is SIGTERM, and SIGKILL five seconds later; no line is torn by it",
        mend="leave the loop over frames soon after the signal (ask "
        "common_ml.tagging.cancelled()), and give threads and children no reason to go on",
        judge=_stops_busy,
    ),
    Check(
        name="stop-is-no-end",
        title="does not call finished what a stop cut off",
        expected="progress marks a file as tagged for good: only where its tags are all written",
        mend="after the signal write no progress for a file that is not done",
        judge=_unfinished_stays_so,
    ),
)
