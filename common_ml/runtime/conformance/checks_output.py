"""Checks of the output file: its lines, and whether a second run repeats them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from common_ml.runtime.conformance.check import Check
from common_ml.runtime.conformance.trial import EARLIER_LINE
from common_ml.runtime.conformance.trial_record import abbreviated
from common_ml.runtime.conformance.verdict import (
    NOTHING_FOUND,
    NOTHING_TAGGED,
    PASSED,
    CheckFinding,
    failed,
    skipped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common_ml.runtime.conformance.output import Line
    from common_ml.runtime.conformance.trials import Trials

KNOWN_TYPES = ("tag", "progress", "error", "progress_ratio")


def _whole_lines(trials: Trials) -> CheckFinding:
    if not trials.ordinary.lines:
        return skipped("it wrote no line")
    # the more lines, the likelier a reader looks between two halves of a line
    for outcome in (trials.ordinary, trials.second, trials.continued, trials.stopped_idle):
        if outcome.torn:
            torn = outcome.torn[0][-80:].decode(errors="backslashreplace")
            return failed(f"a reader saw a partial line {len(outcome.torn)} times: ...{torn}")
        if outcome.content and not outcome.content.endswith(b"\n"):
            return failed("the last line of the output has no newline")
    return PASSED


def _json_lines(trials: Trials) -> CheckFinding:
    lines = trials.ordinary.lines
    for number, line in enumerate(lines, 1):
        if line.problem:
            return failed(f"line {number} is {line.problem}: {line.excerpt!r}")
    return PASSED if lines else skipped("it wrote no line")


def _known_types(trials: Trials) -> CheckFinding:
    messages = [line for line in trials.ordinary.lines if not line.problem]
    for line in messages:
        if line.kind not in KNOWN_TYPES:
            return failed(f"a message of the type {line.kind!r}: {line.excerpt}")
    return PASSED if messages else skipped("it wrote no message")


def _appends(trials: Trials) -> CheckFinding:
    if not trials.ordinary.finished:
        return skipped(NOTHING_TAGGED)
    if "existing" in trials.isolated_failures:
        summary = trials.isolated_failures["existing"].summary
        return failed(f"where the output file existed already: {summary}")
    content = trials.repeated.content
    if not content.startswith(EARLIER_LINE):
        return failed(
            f"the output began with a line of an earlier run; now it begins with {content[:80]!r}"
        )
    return PASSED


def _same_twice(trials: Trials) -> CheckFinding:
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


def _unique(trials: Trials) -> CheckFinding:
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
        return failed(
            f"{len(doubles)} of {len(tags)} tags were written twice: {abbreviated(excerpts, 1)}"
        )
    return PASSED if tags else skipped(NOTHING_FOUND)


def _is_alike(one: Any, two: Any) -> bool:
    """Whether two values are equal within a tolerance for the rounding of GPUs."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_is_alike(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_is_alike, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=1e-3, abs_tol=1e-4)
    return bool(one == two)


def _nameless(line: Line) -> dict[str, Any]:
    """Return a tag without its file name, which is covered by another check."""
    return {key: value for key, value in line.data.items() if key != "source_media"}


def _short(data: Mapping[str, Any]) -> str:
    written = json.dumps(data)
    return written if len(written) <= 160 else f"{written[:157]}..."


CHECKS = (
    Check(
        name="whole-lines",
        title="writes whole lines",
        expected="one message = one line = one write: a line that is not whole when the runtime "
        "looks is never read again",
        hint="write the JSON and its newline in one call, as in "
        'os.write(fd, (line + "\\n").encode()); a buffer splits what is longer than itself',
        evaluate=_whole_lines,
    ),
    Check(
        name="json-lines",
        title="writes one JSON message per line",
        expected='{"type": T, "data": {...}} on each line, UTF-8, without NaN or Infinity',
        hint="use common_ml.tagging.wire.encode, or json.dumps(..., allow_nan=False)",
        evaluate=_json_lines,
    ),
    Check(
        name="known-types",
        title="writes known message types only",
        expected=f"the type is one of {', '.join(KNOWN_TYPES)}; any other fails the job",
        hint="put other facts into additional_info of a tag, or log them on stderr",
        evaluate=_known_types,
    ),
    Check(
        name="appends",
        title="appends to an output that exists",
        expected="lines are appended to the output file; its content is kept",
        hint='open the output with mode "a", not "w"',
        evaluate=_appends,
    ),
    Check(
        name="same-twice",
        title="gives the same tags in a second run",
        expected="the same files give the same tags, in the same order, whether they arrive one by "
        "one or together; floats may differ by 0.1 %",
        hint="seed random numbers, keep the order of tags independent of sets and threads, and "
        "reset the model's state between files",
        evaluate=_same_twice,
    ),
    Check(
        name="unique-tags",
        title="writes each tag once",
        expected="two tags that are equal in every field count as one",
        hint="omit duplicates, or distinguish them by track, times or additional_info",
        evaluate=_unique,
    ),
)
