"""Print the outcomes of `common-ml upload` as a table, reasons, and the plan of a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.texts import plural, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from common_ml.data.clarifai_upload import Summary, UploadOptions
    from common_ml.data.clarifai_upload.outcomes import TableRow
    from common_ml.data.clarifai_upload.planning import UploadPlan
    from common_ml.data.record import Record


def print_summary(summary: Summary, written: Sequence[Path]) -> None:
    """Print all outcomes, and how to retry failed ones."""
    for warning in summary.warnings:
        stderr.print(Text(f"warning: {printable(warning)}", style="yellow"), soft_wrap=True)
    rows = list(summary.table())
    if rows:
        _print_table(rows)
        if summary.num_annotations:
            stdout.print(f"{plural(summary.num_annotations, 'annotation')} added", highlight=False)
        _print_reasons(rows)
    else:
        stdout.print("nothing to upload: FILE has no rows")
    if summary.interrupted:
        stderr.print(Text("interrupted", style="red"))
    elif summary.stopped:
        stderr.print(Text(f"stopped: {printable(summary.stopped)}", style="red"), soft_wrap=True)
    for path in written:
        advice = f"to upload what failed once more: common-ml upload clarifai {path}"
        stderr.print(Text(advice), soft_wrap=True)
    lost = sum(one.rest is None for one in summary.failed)
    if lost:
        advice = (
            f"{plural(lost, 'record')} cannot be uploaded and left out of the file of failed rows"
        )
        stderr.print(Text(advice, style="red"), soft_wrap=True)


def _print_table(rows: Sequence[TableRow]) -> None:
    # not with rich, which pads every cell and cuts a table wider than the terminal
    wide = max(len("outcome"), *(len(row.state) for row in rows))
    stdout.print(Text(f"{'outcome':{wide}}  inputs  code", style="bold"), soft_wrap=True)
    for row in rows:
        code = "" if row.state == "uploaded" else f"  {row.status.code_name}"
        line = Text(f"{row.state:{wide}}", style=_STYLES[row.state])
        line.append(f"  {row.count:6}{code}", style="default")
        stdout.print(line, soft_wrap=True)


def _print_reasons(rows: Sequence[TableRow]) -> None:
    others = [row for row in rows if row.state != "uploaded"]
    if others:
        stdout.print()
    for row in others:
        line = Text(row.state, style=_STYLES[row.state])
        line.append(f" {printable(row.example)}: {printable(str(row.status))}", style="default")
        if row.count > 1:
            line.append(f", and {row.count - 1:,} more", style="dim")
        stdout.print(line, soft_wrap=True)


_STYLES = {
    "uploaded": "green",
    "duplicate": "cyan",
    "pending": "yellow",
    "failed": "red",
    "unfinished": "yellow",
}


def print_plan(planned: UploadPlan, options: UploadOptions) -> None:
    """Print what would be sent."""
    for warning in planned.warnings:
        stderr.print(Text(f"warning: {printable(warning)}", style="yellow"), soft_wrap=True)
    for outcome in planned.failed:
        line = (
            f"cannot be sent: {printable(outcome.record.media)}: {printable(outcome.status.text)}"
        )
        stderr.print(Text(line, style="red"), soft_wrap=True)
    items = planned.items
    local = [item for item in items if item.path is not None]
    labels = {label for item in items for label in _labels(item.record)}
    with_regions = sum(item.late_concepts for item in items)
    chunks = plural(sum(1 for _ in planned.chunks(options.chunk_size)), "chunk")
    lines = [
        f"{plural(len(items), 'input')} in {chunks} of at most {options.chunk_size}",
        f"{with_regions:,} with regions: {plural(planned.num_annotations, 'annotation')}",
        f"{plural(len(local), 'local file')}: {plural(planned.num_bytes, 'byte')}",
        plural(len(labels), "concept"),
        "nothing was sent",
    ]
    for line in lines:
        stdout.print(line, highlight=False)


def _labels(record: Record) -> set[str]:
    return {one.label for one in record.annotations if one.label}
