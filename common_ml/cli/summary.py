"""Print the summary tables of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from common_ml.cli.texts import MAX_SHOWN, clock, plural, printable

if TYPE_CHECKING:
    from rich.console import Console

    from common_ml.cli.tally import FileTally, TagTally, Tally

MAX_TAGS = 20
"""Maximum rows of a track's table; a track of words may have thousands of texts."""
MAX_FILES = 12
"""Maximum rows of the files' table; failed files come first, the rest is summed up in one row."""
_MAX_ERROR = 80
"""Maximum characters of an error in a table, without its hint; it was printed in full before."""
MAX_FAILED = 50
"""Rows of files that failed."""
_ORDER = {"failed": 0, "not tagged": 1, "tagged": 2, "done before": 3}
_STYLES = {"tagged": "green", "failed": "red", "not tagged": "yellow", "done before": "dim"}


def print_summary(tally: Tally, console: Console) -> None:
    """Print a table for each track, and one of the files."""
    for track in sorted(tally.tracks):
        console.print(_track_table(track, tally.tracks[track]))
    console.print(_file_table(tally.files))


def _track_table(track: str, tags: dict[str, TagTally]) -> Table:
    table = _table(f"track {printable(track, limit=MAX_SHOWN)}" if track else "default track")
    table.add_column("tag", overflow="fold", ratio=1)
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("total time", justify="right", no_wrap=True)
    rows = sorted(tags.items(), key=lambda row: (-row[1].total_ms, -row[1].count, row[0]))
    for text, tally in rows[:MAX_TAGS]:
        total = clock(tally.total_ms / 1000) if tally.total_ms else "-"
        table.add_row(Text(printable(text, limit=MAX_SHOWN)), f"{tally.count:,}", total)
    if len(rows) > MAX_TAGS:
        rest = [tally for _, tally in rows[MAX_TAGS:]]
        total = clock(sum(tally.total_ms for tally in rest) / 1000)
        more = Text(f"and {plural(len(rest), 'more tag')}", style="dim")
        table.add_row(more, f"{sum(tally.count for tally in rest):,}", total)
    return table


def _file_table(files: dict[str, FileTally]) -> Table:
    table = _table("files")
    table.add_column("file", overflow="fold", ratio=3)
    table.add_column("tags", justify="right", no_wrap=True)
    explains = any(file.error for file in files.values())
    table.add_column("result", overflow="fold", ratio=2 if explains else None, no_wrap=not explains)
    rows = sorted(files.items(), key=lambda row: _ORDER[row[1].state])  # stable
    shown = rows if len(rows) <= MAX_FILES else _folded(rows)
    for path, file in shown:
        result = Text(file.state, style=_STYLES[file.state])
        if file.error:
            error = file.error.partition("; hint:")[0]
            result.append(f": {printable(error, limit=_MAX_ERROR)}", style="default")
        table.add_row(Text(printable(path, limit=MAX_SHOWN)), f"{file.num_tags:,}", result)
    rest = rows[len(shown) :]
    for state in dict.fromkeys(file.state for _, file in rest):
        of_state = [file.num_tags for _, file in rest if file.state == state]
        more = Text(f"and {plural(len(of_state), 'more file')}", style="dim")
        table.add_row(more, f"{sum(of_state):,}", Text(state, style=_STYLES[state]))
    return table


def _folded(rows: list[tuple[str, FileTally]]) -> list[tuple[str, FileTally]]:
    """Return the rows to show of many: failed ones, or else the first few."""
    failed = [row for row in rows if row[1].state == "failed"]
    return failed[:MAX_FAILED] if len(failed) > MAX_FILES else rows[:MAX_FILES]


def _table(title: str) -> Table:
    return Table(
        title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, expand=True
    )
