"""Open the sources of `common-ml data`, and report records that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from common_ml.cli.convert_report import FAILED, print_read, showing_warnings, write_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from common_ml.data.dataset import Dataset


def open_sources(
    sources: Sequence[str], *, skip_bad: bool, report_file: Path | None = None, **options: Any
) -> Dataset:
    """Open a dataset, and print what its readers skipped and repaired.

    Args:
        sources: Files, folders and globs.
        skip_bad: Whether annotations that cannot be used are left out.
        report_file: A JSON file for all that was left out or repaired.
        options: Of `Dataset.open`.

    Raises:
        typer.Exit: nothing could be used.
    """
    from common_ml.data.dataset import Dataset
    from common_ml.data.report import Report

    report = Report()
    on_error = "skip" if skip_bad else "raise"
    with showing_warnings():
        dataset = Dataset.open(sources, on_error=on_error, report=report, **options)
    print_read(report)
    if report_file is not None:
        write_report(report_file, {"sources": list(sources)}, report)
    if report.skipped and not len(dataset):
        raise typer.Exit(FAILED)
    return dataset
