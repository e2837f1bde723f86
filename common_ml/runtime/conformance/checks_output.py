"""Checks of the output file: its lines, and what it says the second time."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from common_ml.runtime.conformance.checks_input import NO_FILE
from common_ml.runtime.conformance.trial import EARLIER_LINE, first_words
from common_ml.runtime.conformance.verdict import PASSED, Check, Verdict, failed, skipped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common_ml.runtime.conformance.output import Line
    from common_ml.runtime.conformance.trials import Trials

KNOWN_TYPES = ("tag", "progress", "error", "progress_ratio")


def _whole_lines(trials: Trials) -> Verdict:
    if not trials.ordinary.lines:
        return skipped("it wrote no line")
    # the more lines, the likelier a reader comes between two halves that are written at once
    for outcome in (trials.ordinary, trials.second, trials.continued, trials.stopped_idle):
        if outcome.torn:
            torn = outcome.torn[0][-80:].decode(errors="backslashreplace")
            return failed(
                f"a reader saw a line without its end {len(outcome.torn)} times: ...{torn}"
            )
        if outcome.content and not outcome.content.endswith(b"\n"):
            return failed("the last line of the output has no newline")
    return PASSED


def _json_lines(trials: Trials) -> Verdict:
    lines = trials.ordinary.lines
    for number, line in enumerate(lines, 1):
        if line.problem:
            return failed(f"line {number} is {line.problem}: {line.excerpt!r}")
    return PASSED if lines else skipped("it wrote no line")


def _known_types(trials: Trials) -> Verdict:
    messages = [line for line in trials.ordinary.lines if not line.problem]
    for line in messages:
        if line.kind not in KNOWN_TYPES:
            return failed(f"a message of the type {line.kind!r}: {line.excerpt}")
    return PASSED if messages else skipped("it wrote no message")


def _appends(trials: Trials) -> Verdict:
    if not trials.ordinary.finished:
        return skipped(NO_FILE)
    if "existing" in trials.blamed:
        return failed(f"where the output file was there already: {trials.blamed['existing'].story}")
    content = trials.repeated.content
    if not content.startswith(EARLIER_LINE):
        return failed(
            f"the output began with a line of an earlier run; now it begins with {content[:80]!r}"
        )
    return PASSED


def _same_twice(trials: Trials) -> Verdict:
    first, second = trials.ordinary, trials.second
    compared = [line for line in second.finished if first.has_progress(line)]
    if not compared:
        return skipped("no file was tagged twice")
    for sent in compared:
        one, two = ([_nameless(line) for line in out.tags_of(sent)] for out in (first, second))
        if len(one) != len(two):
            return failed(f"{sent} got {len(one)} tags the first time, and {len(two)} the second")
        for a, b in zip(one, two, strict=True):
            if not _is_alike(a, b):
                return failed(f"of {sent} first came {_short(a)}, and the second time {_short(b)}")
    return PASSED


def _unique(trials: Trials) -> Verdict:
    tags = trials.ordinary.kind("tag")
    seen: set[str] = set()
    doubles: list[Line] = []
    for line in tags:
        written = json.dumps(line.data, sort_keys=True)
        if written in seen:
            doubles.append(line)
        seen.add(written)
    if doubles:
        excerpts = [line.excerpt for line in doubles]
        return failed(f"{len(doubles)} of {len(tags)} tags came twice: {first_words(excerpts, 1)}")
    return PASSED if tags else skipped("it found nothing in the files: give it files of your own")


def _is_alike(one: Any, two: Any) -> bool:
    """Whether two values are equal, but for what a GPU's order of additions may change."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_is_alike(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_is_alike, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=1e-3, abs_tol=1e-4)
    return bool(one == two)


def _nameless(line: Line) -> dict[str, Any]:
    """A tag without its file: how that is written is another check's matter."""
    return {key: value for key, value in line.data.items() if key != "source_media"}


def _short(data: Mapping[str, Any]) -> str:
    written = json.dumps(data)
    return written if len(written) <= 160 else f"{written[:157]}..."


CHECKS = (
    Check(
        name="whole-lines",
        title="shows a reader whole lines only",
        expected="one message = one line = one write: a line that is not whole when the runtime "
        "looks is never read again",
        mend="put the JSON and its newline together and out at once, as in "
        'os.write(fd, (line + "\\n").encode()); buffers tear what is longer than they are',
        judge=_whole_lines,
    ),
    Check(
        name="json-lines",
        title="writes one JSON message a line",
        expected='{"type": T, "data": {...}} on each line, UTF-8, without NaN or Infinity',
        mend="write lines by common_ml.tagging.wire.encode, or json.dumps(..., allow_nan=False)",
        judge=_json_lines,
    ),
    Check(
        name="known-types",
        title="writes known types of messages only",
        expected=f"the type is one of {', '.join(KNOWN_TYPES)}; any other fails the job",
        mend="put what else you have to tell into additional_info of a tag, or log it on stderr",
        judge=_known_types,
    ),
    Check(
        name="appends",
        title="appends to an output that exists",
        expected="lines are appended to the output path; what stands there stays",
        mend='open the output with mode "a", not "w"',
        judge=_appends,
    ),
    Check(
        name="same-twice",
        title="says the same about a file twice",
        expected="the same files give the same tags, in the same order, whether they come one by "
        "one or at once; floats may differ by 0.1 %",
        mend="seed random numbers, leave sets and threads out of the order of tags, and reset what "
        "a model remembers between files",
        judge=_same_twice,
    ),
    Check(
        name="unique-tags",
        title="writes each tag once",
        expected="two tags that are equal in every field count once",
        mend="leave the second one out, or tell them apart by track, times or additional_info",
        judge=_unique,
    ),
)
