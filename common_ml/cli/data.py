"""`common-ml data`: query tags and other annotations."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.convert_report import ReportFile, SkipBad
from common_ml.cli.data_sources import open_sources
from common_ml.cli.texts import plural, printable

if TYPE_CHECKING:
    from common_ml.data.dataset import Dataset
    from common_ml.data.record import Record
    from common_ml.data.report import Report

EPILOG = (
    "Example: common-ml data query tags.jsonl \"labels.car > 3 and file.type = 'video'\" "
    "-o cars.jsonl"
)
data = typer.Typer(
    name="data",
    help="Look into tags and other annotations.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@data.callback()
def _verbs() -> None:
    """Look into tags and other annotations."""


@data.command(epilog=EPILOG)
def query(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Tags files (.jsonl), Parquet files, folders of them, or globs.",
            metavar="SOURCES...",
        ),
    ],
    expression: Annotated[
        str,
        typer.Argument(
            help='The query, such as "labels.car > 3 and labels.person = 0".', metavar="EXPR"
        ),
    ],
    *,
    per: Annotated[
        Literal["media", "frame"],
        typer.Option(help="What is a record: each file, or each tagged frame."),
    ] = "media",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write the tags of the records there: .jsonl or .parquet.",
            metavar="FILE",
        ),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print the records as JSON, one a line.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Rows of the table; 0: all.", metavar="N", min=0)] = 50,
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="Outside format of the sources, such as coco."),
    ] = None,
    media_root: Annotated[
        Path | None,
        typer.Option(help="Folder of the media, for file.width and the like.", metavar="FOLDER"),
    ] = None,
    skip_bad: SkipBad = False,
    report: ReportFile = None,
) -> None:
    """Find the records that an expression is true of, and print them or write them to a file.

    Names: labels.<name> (how often a record has it), file.<field>, attributes.<name>, dataset.id,
    and of single annotations label, confidence, track, start_time, end_time, value. Operators:
    = != < <= > >= in, like, between, is null, and, or, not. Texts stand in single quotes.
    """
    if output is not None and output.suffix.lower() not in {".jsonl", ".parquet"}:
        raise typer.BadParameter(f"must end in .jsonl or .parquet, got {output}")
    dataset = open_sources(
        sources,
        skip_bad=skip_bad,
        report_file=report,
        media_root=media_root,
        per=per,
        format=format_name,
    )
    found = dataset.slice(expression)
    if output is not None:
        _write(found, output)
    elif jsonl:
        for record in found.records():
            sys.stdout.buffer.write(record.to_line())
        sys.stdout.buffer.flush()
    else:
        _print(found, limit)
    stderr.print(f"{len(found)} of {plural(len(dataset), 'record')}", highlight=False)


@data.command(
    epilog="Example: common-ml data describe tags.jsonl --against last-week.jsonl --page plots.html"
)
def describe(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Tags files (.jsonl), Parquet files, folders of them, or globs.",
            metavar="SOURCES...",
        ),
    ],
    *,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="An earlier dataset to compare with; may be given again.", metavar="SOURCE"
        ),
    ] = None,
    per: Annotated[
        Literal["media", "frame"],
        typer.Option(help="What is a record: each file, or each tagged frame."),
    ] = "media",
    page: Annotated[
        Path | None,
        typer.Option(help="Write the distributions as a page of plots.", metavar="FILE"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the distributions as one JSON object.")
    ] = False,
    skip_bad: SkipBad = False,
    report: ReportFile = None,
) -> None:
    """Summarise a dataset: labels, and with --page or --json all distributions.

    These are of confidences, durations, sizes and places of boxes, and of what
    occurs together.
    """
    dataset = open_sources(sources, skip_bad=skip_bad, report_file=report, per=per)
    if as_json or page is not None:
        statistics = dataset.statistics().to_json()
        earlier = None
        if against:
            earlier = open_sources(against, skip_bad=skip_bad, per=per).statistics().to_json()
        if page is not None:
            from common_ml.report.plots import write_dataset_plots

            write_dataset_plots(page, statistics, earlier=earlier)
            stderr.print(Text(f"page: {page}"), soft_wrap=True)
        if as_json:
            import orjson

            text = orjson.dumps(statistics, option=orjson.OPT_INDENT_2).decode()
            stdout.print(Text(text), soft_wrap=True)
            return
    lines = map(printable, str(dataset.describe()).splitlines())
    stdout.print(Text("\n".join(lines)), soft_wrap=True)


def _write(found: Dataset, output: Path) -> None:
    if output.suffix.lower() == ".parquet":
        found.to_parquet(output)
        return
    _tell(found.to_jsonl(output))


def _tell(report: Report) -> None:
    for reason, count in Counter(one.reason for one in report.skipped).most_common():
        stderr.print(f"left out: {plural(count, 'annotation')}: {reason}", highlight=False)


def _print(found: Dataset, limit: int) -> None:
    shown = list(islice(found.records(), limit or None))
    if not shown:
        return
    if not stdout.is_terminal:  # for other programs: not truncated
        for record in shown:
            cells = (record.id, record.kind, str(len(record.annotations)), _labels(record))
            typer.echo("\t".join(map(printable, cells)))
        return
    table = Table("record", "kind", "annotations", "labels")
    table.columns[2].justify = "right"
    for record in shown:
        number = str(len(record.annotations))
        table.add_row(Text(printable(record.id)), record.kind, number, Text(_labels(record)))
    stdout.print(table)
    if len(found) > len(shown):
        stderr.print(f"and {len(found) - len(shown)} more: --limit 0 shows all", highlight=False)


def _labels(record: Record) -> str:
    """Format the labels, the most frequent first: `car 3, person`."""
    counts = Counter(one.label for one in record.annotations if one.value)
    named = (f"{label} {count}" if count > 1 else label for label, count in counts.most_common())
    return printable(", ".join(named))
