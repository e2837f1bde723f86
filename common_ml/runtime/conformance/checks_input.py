"""Checks of input handling: lines on stdin, end of input, file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.runtime.conformance.check import Check
from common_ml.runtime.conformance.trial_record import abbreviated, same_file
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


def _empty_input(trials: Trials) -> CheckFinding:
    outcome = trials.empty
    if trials.subject.is_image and outcome.exit_status != 0:
        outcome = trials.empty_online  # the network is covered by another check
    if outcome.exit_status != 0 and outcome.exit_status == trials.ordinary.exit_status:
        return skipped("with files it ends in the same wrong way")
    if outcome.exit_status is None:
        quiet = trials.quiet_seconds
        return failed(f"its input was empty, and it still ran after {quiet:g} s without output")
    if outcome.exit_status != 0:
        return failed(outcome.summary)
    if outcome.lines:
        return failed(f"it wrote a line all the same: {outcome.lines[0].excerpt}")
    return PASSED


def _late_lines(trials: Trials) -> CheckFinding:
    outcome = trials.ordinary
    if outcome.late:
        line = outcome.late[0]
        answered = [written.media for written in outcome.lines[: outcome.num_lines_at_close]]
        if any(same_file(media, line) for media in answered):
            return skipped(f"{line} has tags, but no progress")
        if outcome.has_progress(line) or outcome.tags_of(line):
            return failed(
                f"while the input was open there was no message about {line} for "
                f"{trials.quiet_seconds:g} s; its tags came after the end of the input"
            )
        return skipped(f"it never finished {line}")
    if outcome.num_lines_at_close is None and outcome.exit_status == 0:
        return failed(f"it ended before its input did, after {len(outcome.finished)} files")
    if len(outcome.finished) < 2:
        return skipped("fewer than two files were tagged")
    return PASSED


def _end_of_input(trials: Trials) -> CheckFinding:
    outcome = trials.ordinary
    if outcome.exit_status is None and outcome.finished:
        quiet = trials.quiet_seconds
        return failed(f"it still ran {quiet:g} s after the end of the input and its last message")
    if outcome.num_lines_at_close is None:
        return skipped("it ended before its input did")
    if not outcome.finished:
        return skipped(NOTHING_TAGGED)
    if outcome.exit_status != 0 and not outcome.kind("error"):
        return failed(f"all files were tagged, but: {outcome.summary}")
    if outcome.exit_status != 0:
        return skipped("a file failed, so that another status than 0 is right")
    return PASSED


def _together(trials: Trials) -> CheckFinding:
    if not trials.ordinary.finished:
        return skipped(NOTHING_TAGGED)
    outcome = trials.second
    open_ = [line for line in outcome.sent if not outcome.has_progress(line)]
    if open_:
        return failed(
            f"{len(outcome.sent)} lines came at once; no progress for {abbreviated(open_)}: "
            f"{outcome.summary}"
        )
    return PASSED


def _odd_names(trials: Trials) -> CheckFinding:
    return _of_names(trials, trials.material.odd)


def _same_stem(trials: Trials) -> CheckFinding:
    outcome, twins = trials.ordinary, trials.material.twins
    verdict = _of_names(trials, twins)
    if verdict.outcome != "passed":
        return verdict
    for twin in twins:
        for other in trials.material.same_content(twin):
            if not outcome.has_progress(other):
                continue
            count, expected = _num_tags(outcome, twin), _num_tags(outcome, other)
            if count != expected:
                return failed(
                    f"{twin} got {count} tags, and {expected} under the name {other}; "
                    f"{' and '.join(twins)} were sent in one run"
                )
    return PASSED


def _num_tags(outcome: TrialRecord, name: str) -> int:
    """Return the number of tags of a file before its progress."""
    about = [line for line in outcome.lines if same_file(line.media, name)]
    return [line.kind for line in about].index("progress")


def _of_names(trials: Trials, names: Sequence[str]) -> CheckFinding:
    """Whether the files of these names were tagged, as others were."""
    outcome = trials.ordinary
    if not outcome.finished:
        return skipped(NOTHING_TAGGED)
    for name in names:
        line = next((line for line in outcome.sent if same_file(line, name)), None)
        if line is None:
            return skipped(f"it failed before {name} was sent")
        if not outcome.has_progress(line):
            if not outcome.has_progress(outcome.sent[0]):
                return skipped("a file of an ordinary name has no progress either")
            if outcome.num_lines_at_close is None and outcome.exit_status == 0:
                return skipped("it ended before its input did")
            return failed(f"no progress for {line!r}: {outcome.summary}")
    return PASSED


def _exact_names(trials: Trials) -> CheckFinding:
    for outcome in (trials.ordinary, trials.second):
        for line in outcome.lines:
            if line.kind == "error" and line.data.get("source_media") is None:
                continue
            if line.kind in ("tag", "progress", "error") and line.media not in outcome.sent:
                near = [sent for sent in outcome.sent if same_file(line.media, sent)]
                meant = f", where {near[0]!r} was sent" if near else ", which was never sent"
                named = line.data.get("source_media")
                return failed(f"a {line.kind} has the source_media {named!r}{meant}")
    return PASSED if trials.ordinary.lines else skipped("it wrote no message")


def _progress(trials: Trials) -> CheckFinding:
    outcome = trials.ordinary
    for line in outcome.sent:
        count = sum(same_file(done.media, line) for done in outcome.kind("progress"))
        if count > 1:
            return failed(f"{line} got {count} times progress")
        if count == 0 and outcome.exit_status == 0 and not outcome.errors_of(line):
            if outcome.num_lines_at_close is None:
                return skipped("it ended before its input did")
            num_tags = len(outcome.tags_of(line))
            return failed(f"{line} got {num_tags} tags and no progress, and the exit status was 0")
    return PASSED if outcome.finished else skipped(NOTHING_TAGGED)


def _progress_last(trials: Trials) -> CheckFinding:
    if not trials.ordinary.finished:
        return skipped(NOTHING_TAGGED)
    for outcome in (trials.ordinary, trials.second):
        done: list[str] = []
        for line in outcome.lines:
            if line.kind == "progress" and line.media is not None:
                done.append(line.media)
            if line.kind == "tag" and any(same_file(line.media, file) for file in done):
                return failed(f"a tag came after the progress of its file: {line.excerpt}")
    return PASSED


def _picture(trials: Trials) -> CheckFinding:
    if not trials.ordinary.finished:
        return skipped(NOTHING_TAGGED)
    record = trials.pictured
    (line,) = record.sent
    if record.exit_status is None:
        return failed(f"it did not end: {record.summary}")
    if not record.has_progress(line):  # not every model takes pictures
        is_refused = bool(record.errors_of(line))
        fault = f"neither progress nor an error line that names it: {record.summary}"
        return PASSED if is_refused else failed(fault)
    for tag in record.tags_of(line):
        info = tag.data.get("frame_info")
        place = [tag.data.get("start_time"), tag.data.get("end_time")]
        place += [info.get("frame_idx")] if isinstance(info, dict) else []
        if any(place):
            return failed(f"a tag of a picture has another time or frame than 0: {tag.excerpt}")
    return PASSED


def _media_untouched(trials: Trials) -> CheckFinding:
    outcome = trials.ordinary
    if trials.subject.is_image and "read-only file system" in (
        outcome.stderr_tail + str([line.data for line in outcome.kind("error")])
    ).lower().replace("readonly", "read-only"):
        return failed(f"it tried to write into the read-only media directory: {outcome.summary}")
    if outcome.strange_files:
        return failed(f"in the media directory it changed {abbreviated(outcome.strange_files)}")
    return PASSED if outcome.finished else skipped(NOTHING_TAGGED)


CHECKS = (
    Check(
        name="empty-input",
        title="exits with 0 on empty input",
        expected="at the end of input: finish what was sent, exit 0; here nothing was sent",
        hint="let the loop over stdin end without a file: no index into an empty list, no file "
        "that must exist",
        evaluate=_empty_input,
    ),
    Check(
        name="late-lines",
        title="tags files that arrive while it runs",
        expected="lines keep coming for as long as the job lives, and their files with them; each "
        "is tagged when its line arrives",
        hint="loop over sys.stdin line by line instead of sys.stdin.read(); flush each line "
        "of the output; open a file when its line arrives, not before",
        evaluate=_late_lines,
    ),
    Check(
        name="end-of-input",
        title="exits with 0 at the end of input",
        expected="at the end of input: finish what was sent, finalise, exit with status 0",
        hint="leave the loop when stdin ends, join your threads and processes, and exit with 0",
        evaluate=_end_of_input,
    ),
    Check(
        name="together",
        title="tags lines that arrive together",
        expected="several lines may arrive together, and each file is tagged",
        hint="read stdin line by line: one read may return several lines, or half of one",
        evaluate=_together,
    ),
    Check(
        name="picture",
        title="tags a picture, or refuses it with an error line",
        expected="a picture is a file of one frame: its times and its frame_idx are 0; a tagger "
        "that takes no pictures writes an error line that names it",
        hint="find out the kind of a file with common_ml.media.kinds.media_kind, and write an "
        "error line for kinds that the model does not take",
        evaluate=_picture,
    ),
    Check(
        name="odd-names",
        title="accepts names with spaces, punctuation and non-ASCII letters",
        expected="a line of stdin is one path, in UTF-8, up to its newline",
        hint="use the line without its newline as it is: no split(), no shell, no ASCII; read "
        "stdin with encoding='utf-8'",
        evaluate=_odd_names,
    ),
    Check(
        name="same-stem",
        title="keeps files with the same stem apart",
        expected="files are identified by base names, and a.mp4 is another file than a.mov",
        hint="name caches and temporary files after the whole path, or use tempfile",
        evaluate=_same_stem,
    ),
    Check(
        name="exact-names",
        title="repeats source_media exactly as sent",
        expected="source_media is exactly the line that was received; a name that was never sent "
        "fails the whole job",
        hint="write the line back unchanged: no abspath(), no base name, no resolve()",
        evaluate=_exact_names,
    ),
    Check(
        name="progress",
        title="writes progress for every good file, once",
        expected="progress means that every tag of a file is written; each good file gets it",
        hint='after the last tag of a file write {"type":"progress","data":{"source_media": ...}}',
        evaluate=_progress,
    ),
    Check(
        name="progress-last",
        title="writes progress after all tags of its file",
        expected="progress marks a file as complete: all of its tags are written before it",
        hint="write collected tags (runs, totals) before the progress of the file; tags from "
        "on_completion() come after it",
        evaluate=_progress_last,
    ),
    Check(
        name="media-untouched",
        title="does not write into the media directory",
        expected="the media directory is mounted read-only",
        hint="write temporary files to a folder of tempfile, not beside the media",
        evaluate=_media_untouched,
    ),
)
