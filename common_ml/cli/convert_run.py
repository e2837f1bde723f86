"""Run one conversion: read, write with a progress bar, report."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from common_ml.cli import convert_options as options
from common_ml.cli.console import stderr
from common_ml.cli.convert_report import print_read, print_result, showing_warnings, write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from common_ml.data.record import Record
    from common_ml.data.report import Report


@dataclass(frozen=True)
class Conversion:
    """Options of a conversion."""

    from_format: str
    to_format: str
    read: Callable[..., Iterator[Record]]
    write: Callable[..., Report]
    source: str
    target: Path
    read_options: dict[str, Any] = field(default_factory=dict)
    write_options: dict[str, Any] = field(default_factory=dict)
    between: Callable[[Iterable[Record]], Iterable[Record]] | None = None
    """Transforms the records between reader and writer."""


def run(conversion: Conversion, *, skip_bad: bool, report_file: Path | None) -> None:
    """Convert, and print what was left out.

    Raises:
        OutputError: the target is the source, or one of its media.
        typer.Exit: nothing could be used.
    """
    from common_ml.data.report import Report

    _refuse_input(conversion.target, conversion.source)
    read_report = Report()
    given = dict(conversion.read_options)
    if options.takes(conversion.read, "report"):
        given["report"] = read_report
    if skip_bad and options.takes(conversion.read, "on_error"):
        given["on_error"] = "skip"
    with showing_warnings() as warnings:
        if options.takes(conversion.read, "on_skip"):
            given["on_skip"] = warnings.skipped
        records: Iterable[Record] = conversion.read(conversion.source, **given)
        if conversion.between is not None:
            records = conversion.between(records)
        report = _written(records, conversion)
        warnings.written(report)
    print_read(read_report)
    if report_file is not None:
        for one in warnings.filtered:
            read_report.skip(one.what, one.reason)
        about = {
            "source": conversion.source,
            "from": conversion.from_format,
            "target": os.fspath(conversion.target),
            "to": conversion.to_format,
        }
        write_report(report_file, about, read_report, report)
        read_report.skipped[len(read_report.skipped) - len(warnings.filtered) :] = []
    print_result(conversion.target, report, read_report, num_filtered=len(warnings.filtered))


def _refuse_input(target: Path, source: str) -> None:
    """Raise if what is written would replace what is read.

    Args:
        target: A file or folder.
        source: A path or an address.
    """
    from common_ml.errors import OutputError

    try:
        is_same = target.is_file() and target.samefile(source)
    except (OSError, ValueError):  # an address, or not there
        is_same = False
    if is_same:
        raise OutputError(
            f"{str(target)!r} is read, and would be replaced; hint: name another one", path=target
        )


def _written(records: Iterable[Record], conversion: Conversion) -> Report:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from common_ml.errors import CommonMLError

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    given = dict(conversion.write_options)
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    ) as progress:
        bar = progress.add_task("records", total=None)

        def counted() -> Iterator[Record]:
            for record in records:
                if os.path.basename(record.media) == conversion.target.name:  # noqa: PTH119 - an address, too
                    _refuse_input(conversion.target, record.media)
                progress.advance(bar)
                yield record

        if options.takes(conversion.write, "on_progress"):
            files = progress.add_task("files", total=None, visible=False)
            given["on_progress"] = lambda done, total: progress.update(
                files, completed=done, total=total, visible=True
            )
        try:
            return conversion.write(counted(), conversion.target, **given)
        except ValueError as error:
            if isinstance(error, (CommonMLError, UnicodeError)):
                raise
            raise typer.BadParameter(str(error), param_hint="--write") from error
