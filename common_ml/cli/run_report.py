"""Final report of a run: failures, tables, notes and headline; or one JSON object."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.text import Text

from common_ml.cli.console import print_error, print_line, stdout
from common_ml.cli.texts import clock, plural, printable

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.cli.run_failures import FailureDetails
    from common_ml.cli.tally import Tally
    from common_ml.errors import TaggerError

MAX_WARNINGS = 20
_MAX_PRINTED = 3
"""Maximum number of quoted lines of a tagger's stdout."""


@dataclass
class RunFacts:
    """Results of a run other than its tally."""

    output: Path
    elapsed_seconds: float = 0.0
    media_seconds: float = 0.0
    """Of the tagged files."""
    warnings: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    """The stdout of the taggers."""
    logs: list[Path] = field(default_factory=list)
    failure: TaggerError | None = None
    """Why the taggers ended early."""
    was_stopped: bool = False
    """Whether the run was stopped by a signal."""
    continues: bool = False
    """Whether the taggers were asked to continue after a failed file."""


def print_run(tally: Tally, facts: RunFacts, details: FailureDetails | None) -> None:
    """Print the report of a run, the headline last."""
    from common_ml.cli.summary import print_summary

    if facts.failure is not None:
        print_tagger_error(facts.failure, tally, details, continues=facts.continues)
    if tally.has_begun:  # else the error alone is printed
        print_summary(tally, stdout)
    _print_notes(tally, facts)
    if tally.has_begun or facts.was_stopped:  # also while the model was loaded
        print_line(Text(_headline(tally, facts), style="bold"))


def print_run_json(tally: Tally, facts: RunFacts) -> None:
    """Print the report of a run as one JSON object."""
    files = {
        path: {"state": file.state, "num_tags": file.num_tags, "error": file.error or None}
        for path, file in tally.files.items()
    }
    tracks: dict[str, Any] = {
        track: {
            text: {"count": tag.count, "total_seconds": tag.total_ms / 1000}
            for text, tag in tags.items()
        }
        for track, tags in tally.tracks.items()
    }
    failure = facts.failure
    document = {
        "output": str(facts.output),
        "logs": [str(log) for log in facts.logs],
        "num_tagged": tally.num_of("tagged"),
        "num_failed": tally.num_of("failed"),
        "num_not_tagged": tally.num_of("not tagged"),
        "num_done_before": tally.num_of("done before"),
        "num_tags": tally.num_tags,
        "elapsed_seconds": round(facts.elapsed_seconds, 3),
        "media_seconds": round(facts.media_seconds, 3),
        "error": None if failure is None else str(failure).partition("\n")[0],
        "warnings": facts.warnings,
        "printed": facts.printed,
        "files": files,
        "tracks": tracks,
    }
    stdout.print_json(json.dumps(document, ensure_ascii=False), ensure_ascii=False)


def print_tagger_error(
    error: TaggerError, tally: Tally, details: FailureDetails | None, *, continues: bool
) -> None:
    """Print why a tagger ended: its error, then the author's frames or the end of its stderr."""
    message, _, tail = str(error).partition("\nThe end of its stderr:\n")
    if tally.error and message.endswith(tally.error) and not tally.has_begun:
        return  # as with invalid params: it was printed already, and concerns no file
    said = _with_hint(message, tally, continues=continues)
    if not tail and said != message and "; hint: " not in said and tally.has_begun:
        return  # the error of its only file, which was printed already
    print_error(said)
    described = details.of_log(tail) if details is not None else []
    if not described:
        lines = ["The end of its stderr:", *tail.splitlines()] if tail else []
        described = [Text(f"  {printable(line)}", style="dim") for line in lines]
    for line in described:
        print_line(line)


def _with_hint(message: str, tally: Tally, *, continues: bool) -> str:
    """Add the number of untagged files and a hint."""
    left = tally.num_of("not tagged")
    for error in (tally.error, *(file.error for file in tally.files.values())):
        if error:  # it was printed already
            message = message.removesuffix(f": {error}")
    if not left or len(tally.files) == 1 or not tally.has_begun:
        return message
    hint = "--resume tags the rest"
    if not continues:
        hint = f"-p continue_on_error=true continues after a failed file, {hint}"
    return f"{message}; {left} of {len(tally.files)} files are not tagged; hint: {hint}"


def _print_notes(tally: Tally, facts: RunFacts) -> None:
    for text in facts.warnings[:MAX_WARNINGS]:
        print_line(Text.assemble(("warning:", "yellow"), " ", printable(text)))
    if len(facts.warnings) > MAX_WARNINGS:
        print_line(Text(f"and {len(facts.warnings) - MAX_WARNINGS} more warnings"))
    if facts.printed:
        quoted = "; ".join(printable(line, limit=60) for line in facts.printed[:_MAX_PRINTED])
        more = "; ..." if len(facts.printed) > _MAX_PRINTED else ""
        lines = plural(len(facts.printed), "line")
        where = ", at the end of the log" if facts.logs else ""
        _note("printed", f"{lines} on stdout{where}: {quoted}{more}")
    if facts.logs:
        _note("log", ", ".join(printable(str(log)) for log in facts.logs))
    if tally.num_of("tagged", "done before") and facts.output.is_file():
        _note("next", f"common-ml view {printable(str(facts.output))}")


def _note(head: str, text: str) -> None:
    print_line(Text.assemble((f"{head}:", "cyan"), f" {text}"))


def _headline(tally: Tally, facts: RunFacts) -> str:
    parts = [f"{plural(tally.num_of('tagged'), 'file')} tagged"]
    for state in ("failed", "not tagged", "done before"):
        number = tally.num_of(state)
        parts += [f"{number:,} {state}"] if number else []
    parts.append(plural(tally.num_tags, "tag"))
    elapsed, media = facts.elapsed_seconds, facts.media_seconds
    time = f" in {clock(elapsed)}" if elapsed else ""
    speed = f", {media / elapsed:.1f}x real time" if media and elapsed else ""
    return f"{', '.join(parts)}{time}{speed}: {printable(str(facts.output))}"
