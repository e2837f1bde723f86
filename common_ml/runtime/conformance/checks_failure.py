"""Checks of what a tagger says about bad files and bad params."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from common_ml.runtime.conformance.checks_input import NO_FILE
from common_ml.runtime.conformance.trials import BAD_PARAMS
from common_ml.runtime.conformance.verdict import PASSED, Check, Verdict, failed, skipped

if TYPE_CHECKING:
    from common_ml.runtime.conformance.trial import Outcome
    from common_ml.runtime.conformance.trials import Trials


def _missing_file(trials: Trials) -> Verdict:
    return _failed_file(trials, trials.missing)


def _corrupt_file(trials: Trials) -> Verdict:
    return _failed_file(trials, trials.broken)


def _failed_file(trials: Trials, outcome: Outcome) -> Verdict:
    """Whether a trial with one bad file ended as it must."""
    if not trials.ordinary.finished:
        return skipped(f"{NO_FILE}, not even a good one")
    (line,) = outcome.sent
    faults = _faults_about(outcome, line)
    if outcome.exit_status == 0:
        faults.append("its exit status was 0")
    if outcome.exit_status is None and trials.ordinary.exit_status is not None:
        faults.append("it did not end")
    return failed(f"of {line}: {'; '.join(faults)}") if faults else PASSED


def _faults_about(outcome: Outcome, line: str) -> list[str]:
    faults = []
    if not outcome.errors_of(line):
        others = outcome.kind("error")
        but = f", but one that says: {others[-1].data.get('message')}" if others else ""
        faults.append(f"there was no error line that names it{but}")
    if outcome.has_progress(line):
        faults.append("it got progress")
    return faults


def _continues(trials: Trials) -> Verdict:
    if not trials.ordinary.finished:
        return skipped(f"{NO_FILE}, not even a good one")
    outcome = trials.continued
    *bad, good = outcome.sent
    faults = []
    for line in bad:
        faults += [f"of {line}: {fault}" for fault in _faults_about(outcome, line)]
    if not outcome.has_progress(good):
        faults.append(f"{good}, which is good, was not finished")
    if outcome.exit_status not in (0, trials.ordinary.exit_status):
        status = outcome.exit_status
        faults.append("it did not end" if status is None else f"its exit status was {status}")
    return failed("; ".join(faults)) if faults else PASSED


def _refuses_params(kind: str, trials: Trials) -> Verdict:
    outcome = trials.with_bad_params(kind)
    if trials.empty.exit_status not in (0, None):
        return skipped("it does not start with good params either")
    faults = []
    if not outcome.kind("error"):
        faults.append("there was no error line")
    if outcome.exit_status == 0:
        faults.append("its exit status was 0")
    if outcome.exit_status is None:
        faults.append("it did not end")
    return (
        failed(f"with --params '{BAD_PARAMS[kind]}' {', and '.join(faults)}") if faults else PASSED
    )


def _refuses_unknown_key(trials: Trials) -> Verdict:
    """The contract leaves the author's keys to the author: who says so may take any."""
    verdict = _refuses_params("unknown-key", trials)
    if verdict.outcome == "failed" and trials.takes_any_params:
        return skipped(
            "it says that it takes any; with get_params(Schema) a misspelt one would be told"
        )
    return verdict


_REFUSED = "bad params end the tagger: an error line for the user, and another status than 0"
_FILE_FAILED = "an error line names the file; no progress for it, ever; the exit status is not 0"
_TELL = "read the params with get_params(Schema) inside `with catch_errors():`, or "

CHECKS = (
    Check(
        name="missing-file",
        title="says so when a file is missing",
        expected=_FILE_FAILED,
        mend="catch what opening the file raises, write an error line with its source_media, and "
        "exit with 1",
        judge=_missing_file,
    ),
    Check(
        name="corrupt-file",
        title="says so when a file is no media",
        expected=_FILE_FAILED,
        mend="look at what the decoder returns: no frames of a file is a failure; write an error "
        "line with its source_media, and exit with 1",
        judge=_corrupt_file,
    ),
    Check(
        name="continue-on-error",
        title="tags the rest with continue_on_error",
        expected='with "continue_on_error": true each bad file gets its error line, the others are '
        "tagged, and the exit status is 0",
        mend="catch errors inside the loop over files, and go on with the next one",
        judge=_continues,
    ),
    Check(
        name="params-malformed",
        title="refuses params that are no JSON",
        expected=_REFUSED,
        mend=_TELL + "catch what json.loads raises and tell it",
        judge=partial(_refuses_params, "malformed"),
    ),
    Check(
        name="params-no-object",
        title="refuses params that are no object",
        expected=_REFUSED,
        mend=_TELL + "check that the value of --params is a dict",
        judge=partial(_refuses_params, "no-object"),
    ),
    Check(
        name="params-unknown-key",
        title="refuses params that it does not know",
        expected=_REFUSED + "; a key that is misspelt must not be passed over in silence",
        mend=_TELL + "compare the keys with those that you know",
        judge=_refuses_unknown_key,
    ),
    Check(
        name="params-wrong-type",
        title="refuses params of the wrong type",
        expected=_REFUSED,
        mend=_TELL + "check each value; the one sent was continue_on_error as a text",
        judge=partial(_refuses_params, "wrong-type"),
    ),
)
