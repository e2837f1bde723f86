"""The tables at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from common_ml.cli.texts import clock, plural, printable

if TYPE_CHECKING:
    from rich.console import Console

    from common_ml.cli.tally import FileTally, TagTally, Tally

MOST_TAGS = 20
"""Rows of a track's table; a track of words may have thousands."""
MOST_FILES = 50
"""Rows of the files' table; those that failed come first where not all have room."""
_STYLES = {"tagged": "green", "failed": "red", "not tagged": "yellow", "done before": "dim"}


def print_summary(tally: Tally, console: Console) -> None:
    """Print a table for each track, and one of the files."""
    for track in sorted(tally.tracks):
        console.print(_track_table(track, tally.tracks[track]))
    console.print(_file_table(tally.files))


def _track_table(track: str, tags: dict[str, TagTally]) -> Table:
    table = _table(f"track {printable(track)}" if track else "default track")
    table.add_column("tag", overflow="fold", ratio=1)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("total time", justify="right", no_wrap=True)
    rows = sorted(tags.items(), key=lambda row: (-row[1].total_ms, -row[1].count, row[0]))
    for text, tally in rows[:MOST_TAGS]:
        total = clock(tally.total_ms / 1000) if tally.total_ms else "-"
        table.add_row(Text(printable(text)), f"{tally.count:,}", total)
    if len(rows) > MOST_TAGS:
        rest = [tally for _, tally in rows[MOST_TAGS:]]
        total = clock(sum(tally.total_ms for tally in rest) / 1000)
        more = Text(f"and {plural(len(rest), 'more tag')}", style="dim")
        table.add_row(more, f"{sum(tally.count for tally in rest):,}", total)
    return table


def _file_table(files: dict[str, FileTally]) -> Table:
    table = _table("files")
    table.add_column("file", overflow="fold", ratio=1)
    table.add_column("tags", justify="right", no_wrap=True)
    table.add_column("result", no_wrap=True)
    rows = list(files.items())
    if len(rows) > MOST_FILES:
        rows.sort(key=lambda row: row[1].outcome in ("tagged", "done before"))
    for path, file in rows[:MOST_FILES]:
        result = Text(file.outcome, style=_STYLES[file.outcome])
        table.add_row(Text(printable(path)), f"{file.num_tags:,}", result)
    if len(rows) > MOST_FILES:
        num_tags = sum(file.num_tags for _, file in rows[MOST_FILES:])
        more = Text(f"and {plural(len(rows) - MOST_FILES, 'more file')}", style="dim")
        table.add_row(more, f"{num_tags:,}", "")
    return table


def _table(title: str) -> Table:
    return Table(
        title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, expand=True
    )
