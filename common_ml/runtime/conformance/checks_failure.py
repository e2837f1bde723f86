"""Checks of how a tagger reports bad files and bad params."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from common_ml.runtime.conformance.check import Check
from common_ml.runtime.conformance.trials import BAD_PARAMS
from common_ml.runtime.conformance.verdict import (
    NOTHING_TAGGED,
    PASSED,
    CheckFinding,
    failed,
    skipped,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.runtime.conformance.trial_record import TrialRecord
    from common_ml.runtime.conformance.trials import Trials


def _missing_file(trials: Trials) -> CheckFinding:
    return _failed_file(trials, trials.missing)


def _corrupt_file(trials: Trials) -> CheckFinding:
    return _failed_file(trials, trials.broken)


def _failed_file(trials: Trials, record: TrialRecord) -> CheckFinding:
    """Whether a trial with one bad file ended as it must."""
    if not trials.ordinary.finished:
        return skipped(f"{NOTHING_TAGGED}, not even a good one")
    (line,) = record.sent
    can_end = trials.ordinary.exit_status is not None
    return _verdict([*_faults_about(record, line), *_success_faults(record, can_end=can_end)])


def _continues(trials: Trials) -> CheckFinding:
    if not trials.ordinary.finished:
        return skipped(f"{NOTHING_TAGGED}, not even a good one")
    record = trials.continued
    *bad, good = record.sent
    faults = [fault for line in bad for fault in _faults_about(record, line)]
    if not record.has_progress(good):
        faults.append(f"{good}: no progress, though the file is good")
    if record.exit_status not in (0, trials.ordinary.exit_status):
        faults.append(_end_of(record))
    return _verdict(faults)


def _refuses_params(kind: str, trials: Trials) -> CheckFinding:
    record = trials.with_bad_params(kind)
    if trials.empty.exit_status not in (0, None):
        return skipped("it does not start with good params either")
    faults = [] if record.kind("error") else ["no error line"]
    faults += _success_faults(record)
    return _verdict(faults, about=f"--params '{BAD_PARAMS[kind]}'")


def _refuses_unknown_key(trials: Trials) -> CheckFinding:
    """Check the rejection of an unknown key, unless the tagger declares that it accepts any."""
    verdict = _refuses_params("unknown-key", trials)
    if verdict.outcome == "failed" and trials.takes_any_params:
        return skipped(
            "it declares that it accepts any key; hint: get_params(Schema) reports misspelt ones"
        )
    return verdict


def _faults_about(record: TrialRecord, line: str) -> list[str]:
    """Return the faults in the messages about a bad file."""
    faults = []
    if not record.errors_of(line):
        others = record.kind("error")
        but = f", but one that says: {others[-1].data.get('message')}" if others else ""
        faults.append(f"{line}: no error line names it{but}")
    if record.has_progress(line):
        faults.append(f"{line}: it got progress")
    return faults


def _success_faults(record: TrialRecord, *, can_end: bool = True) -> list[str]:
    """Return the faults in the end of a tagger that must fail."""
    if record.exit_status == 0 or (record.exit_status is None and can_end):
        return [_end_of(record)]
    return []


def _end_of(record: TrialRecord) -> str:
    status = record.exit_status
    return "it did not end" if status is None else f"the exit status was {status}"


def _verdict(faults: Sequence[str], *, about: str = "") -> CheckFinding:
    head = f"{about}: " if about else ""
    return failed(head + "; ".join(faults)) if faults else PASSED


_REFUSED = "invalid params end the tagger: an error line for the user, and exit status other than 0"
_FILE_FAILED = "an error line names the file; no progress for it; the exit status is not 0"
_HINT = "read the params with get_params(Schema) inside `with catch_errors():`, or "

CHECKS = (
    Check(
        name="missing-file",
        title="reports a missing file",
        expected=_FILE_FAILED,
        hint="catch what opening the file raises, write an error line with its source_media, and "
        "exit with 1",
        evaluate=_missing_file,
    ),
    Check(
        name="corrupt-file",
        title="reports a file that is not media",
        expected=_FILE_FAILED,
        hint="check what the decoder returns: a file without frames has failed; write an error "
        "line with its source_media, and exit with 1",
        evaluate=_corrupt_file,
    ),
    Check(
        name="continue-on-error",
        title="tags the other files with continue_on_error",
        expected='with "continue_on_error": true each bad file gets its error line, the others are '
        "tagged, and the exit status is 0",
        hint="catch errors inside the loop over files, and continue with the next one",
        evaluate=_continues,
    ),
    Check(
        name="params-malformed",
        title="refuses params that are not valid JSON",
        expected=_REFUSED,
        hint=_HINT + "catch what json.loads raises and write it as an error line",
        evaluate=partial(_refuses_params, "malformed"),
    ),
    Check(
        name="params-no-object",
        title="refuses params that are not an object",
        expected=_REFUSED,
        hint=_HINT + "check that the value of --params is a dict",
        evaluate=partial(_refuses_params, "no-object"),
    ),
    Check(
        name="params-unknown-key",
        title="refuses unknown params",
        expected=_REFUSED + "; a misspelt key must not be ignored silently",
        hint=_HINT + "compare the keys with those that you know",
        evaluate=_refuses_unknown_key,
    ),
    Check(
        name="params-wrong-type",
        title="refuses params of the wrong type",
        expected=_REFUSED,
        hint=_HINT + "check each value; the one sent was continue_on_error as a text",
        evaluate=partial(_refuses_params, "wrong-type"),
    ),
)
