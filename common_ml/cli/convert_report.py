"""Report what `common-ml convert` skipped, repaired or changed, on stderr and as JSON."""

from __future__ import annotations

import logging
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.texts import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.report import Report, Skipped

SkipBad: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--skip-bad",
        help="Leave out annotations that cannot be used, and report them, instead of stopping.",
    ),
]
ReportFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.json",
        help="Write all that was left out, repaired or changed there.",
    ),
]
FAILED = 1
MAX_LISTED = 20
"""Skipped records that are listed one by one; more are only counted."""
MAX_REASONS = 20
"""Rows of the table."""
_MAX_CELL = 120
"""Characters of an example."""


class Warnings(logging.Handler):
    """Print the log records of formats, each warning once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._printed: set[str] = set()
        self.filtered: list[Skipped] = []
        """Number of tasks that the filters of a reader skipped."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message that was logged."""
        self.print(record.getMessage())

    def skipped(self, skipped: Skipped) -> None:
        """Print a task that the reader has skipped."""
        self.filtered.append(skipped)
        if len(self.filtered) <= MAX_LISTED:
            self.print(f"skipped {skipped.what}: {skipped.reason}")

    def written(self, report: Report) -> None:
        """Print what the writer reports at the end and has not logged."""
        texts = [f"skipped {one.what}: {one.reason}" for one in report.skipped]
        new = [text for text in texts if text not in self._printed]
        for text in [*report.warnings, *new[:MAX_LISTED]]:
            self.print(text)
        if len(new) > MAX_LISTED:
            self.print(f"skipped {len(new) - MAX_LISTED} more")

    def print(self, text: str) -> None:
        """Print a warning unless it was printed before."""
        if text not in self._printed:
            self._printed.add(text)
            line = Text("warning: ", style="yellow")
            line.append(printable(text), style="default")
            stderr.print(line, soft_wrap=True, highlight=False)


@contextmanager
def showing_warnings() -> Iterator[Warnings]:
    """Print the log records of formats in the block, and do not propagate them."""
    logger = logging.getLogger("common_ml.data.formats")
    handler, propagated = Warnings(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated


def print_read(report: Report) -> None:
    """Print a table of what the reader skipped and repaired, most frequent reason first."""
    for warning in report.warnings:
        stderr.print(Text(f"warning: {printable(warning)}", style="yellow"), soft_wrap=True)
    groups: Counter[str] = Counter(one.kind for one in report.skipped)
    examples: dict[str, Skipped] = {}
    for one in report.skipped:
        examples.setdefault(one.kind, one)
    rows = [
        ("left out", count, examples[kind].reason, examples[kind].what)
        for kind, count in groups.most_common()
    ]
    rows += [("repaired", count, what, "") for what, count in report.repaired.most_common()]
    if not rows:
        return
    stderr.print(Text("what      number  reason", style="bold"), soft_wrap=True)
    for what, count, reason, where in rows[:MAX_REASONS]:
        line = Text(f"{what:8}", style="yellow")
        first = f" (first: {_short(where)})" if where else ""
        line.append(f"  {count:6}  {_short(reason)}{first}", style="default")
        stderr.print(line, soft_wrap=True, highlight=False)
    if len(rows) > MAX_REASONS:
        stderr.print(f"and {len(rows) - MAX_REASONS} more reasons: --report has all of them")


def print_result(target: Path, written: Report, read: Report, *, num_filtered: int) -> None:
    """Print the result.

    Raises:
        typer.Exit: nothing could be used.
    """
    num_skipped = len({one.what for one in written.skipped}) + num_filtered
    detail = f", {num_skipped} skipped in whole or in part" if num_skipped else ""
    if read.skipped:
        detail += f", {plural(len(read.skipped), 'part')} of the source left out"
    stdout.print(
        Text(f"{plural_plain(written.written)} written to {os.fspath(target)}{detail}"),
        soft_wrap=True,
        highlight=False,
    )
    if not written.written and (num_skipped or read.skipped):
        raise typer.Exit(FAILED)


def plural_plain(number: int) -> str:
    """`1 record`, `2000 records`."""
    return f"{number} record" if number == 1 else f"{number} records"


def write_report(
    path: Path, about: dict[str, Any], read: Report, written: Report | None = None
) -> None:
    """Write the reader's report, and the writer's if there is one, to a JSON file."""
    from common_ml.data.json_text import json_bytes
    from common_ml.utils.whole_file import replacing

    data = {
        **about,
        "read": {key: one for key, one in read.to_json().items() if key != "written"},
        **({} if written is None else {"written": written.to_json()}),
    }
    with replacing(path) as file:
        file.write(json_bytes(data, indent=True, newline=True))


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _MAX_CELL else f"{shown[:_MAX_CELL]}..."
