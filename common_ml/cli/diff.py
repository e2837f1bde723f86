"""`common-ml diff`: compare two runs."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.tags_files import refuse_missing
from common_ml.cli.texts import MAX_SHOWN, plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.report.difference import ChangeCounts, Difference
    from common_ml.tagging.messages import Tag

FAILED = 1
MAX_FILES = 20
"""Maximum number of files listed by name whose outcome has changed."""
EPILOG = (
    "Example: common-ml diff before.jsonl after.jsonl --fail-above 0.02"
    "  (exit status 1 if more than 2 % of the tags changed, for CI)"
)


def diff(
    before: Annotated[
        Path, typer.Argument(help="The tags of one run.", metavar="A.jsonl", dir_okay=False)
    ],
    after: Annotated[
        Path, typer.Argument(help="Those of a later one.", metavar="B.jsonl", dir_okay=False)
    ],
    *,
    fail_above: Annotated[
        float | None,
        typer.Option(
            help="Exit status 1 if a larger share of the tags changed, or a file newly failed.",
            min=0,
            max=1,
            metavar="SHARE",
        ),
    ] = None,
    overlap: Annotated[
        float,
        typer.Option(help="Minimum overlap of two tags that count as the same.", max=1),
    ] = 0.5,
    limit: Annotated[int, typer.Option(help="Number of changed tags to list.", min=0)] = 20,
    page: Annotated[
        Path | None,
        typer.Option(help="Write a page that shows both runs over their media.", metavar="FILE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all as one JSON object.")] = False,
) -> None:
    """Compare two runs: tags that were added, removed or moved.

    Tags are matched by file, track and text, then by the overlap of their
    times and boxes (IoU). Confidences are not compared.
    """
    from common_ml.report.difference import compare

    if overlap <= 0:
        raise typer.BadParameter(f"must be > 0, got {overlap}", param_hint="--overlap")
    refuse_missing(before, after)
    difference = compare(before, after, least_overlap=overlap)
    if page is not None:
        from common_ml.report import write_comparison

        written = write_comparison(before, after, page, least_overlap=overlap)
        stderr.print(Text(f"page: {written.path}"), soft_wrap=True)
    if as_json:
        import orjson

        text = orjson.dumps(difference.to_json(), option=orjson.OPT_INDENT_2).decode()
        stdout.print(Text(text), soft_wrap=True)
    else:
        _print(difference, limit)
    if fail_above is not None:
        _fail_if_above(difference, fail_above)


def _fail_if_above(difference: Difference, fail_above: float) -> None:
    failed = [file.source_media for file in difference.newly_failed]
    if failed:
        names = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "")
        stderr.print(Text(f"no longer done: {names}", style="red"), soft_wrap=True)
    if difference.share > fail_above:
        text = f"{difference.share:.2%} of the tags changed, more than {fail_above:.2%}"
        stderr.print(Text(text, style="red"), soft_wrap=True)
    if failed or difference.share > fail_above:
        raise typer.Exit(FAILED)


def _print(difference: Difference, limit: int) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("track", overflow="fold")
    for head in ("same", "moved", "added", "gone", "changed"):
        table.add_column(head, justify="right", no_wrap=True)
    for track, counts in difference.by_track().items():
        table.add_row(Text(_shown(track) or "(default)"), *_cells(counts))
    if len(difference.by_track()) != 1:
        table.add_row(Text("all", style="bold"), *_cells(difference.counts))
    stdout.print(table)
    if difference.changed_files:
        stdout.print()
        # what failed first; many files of one kind are one line
        files = sorted(difference.changed_files, key=lambda file: file.after != "failed")
        for file in files[:MAX_FILES]:
            line = f"{_shown(file.source_media)}: was {file.before}, is {file.after}"
            stdout.print(Text(line), soft_wrap=True)
        rest = Counter((file.before, file.after) for file in files[MAX_FILES:])
        for (earlier, later), number in rest.items():
            more = f"and {plural(number, 'more file')}: was {earlier}, is {later}"
            stdout.print(Text(more, style="dim"), soft_wrap=True)
    changes = list(_changes(difference))
    if changes and limit:
        stdout.print()
        for change in changes[:limit]:
            stdout.print(change, soft_wrap=True)
    if len(changes) > limit:
        more = f"{len(changes) - limit} more: --limit {len(changes)} lists all, --json too"
        stdout.print(Text(more, style="dim"), soft_wrap=True)


def _cells(counts: ChangeCounts) -> Iterator[str]:
    return chain(map(str, counts), (f"{counts.share:.2%}",))


def _changes(difference: Difference) -> Iterator[Text]:
    for tag in difference.gone:
        yield _line("-", "red", _when(tag), tag)
    for tag in difference.added:
        yield _line("+", "green", _when(tag), tag)
    for moved in difference.moved:
        before, after = _when(moved.before), _when(moved.after)
        when = f"{before} -> {after}" if before != after else before
        line = _line("~", "yellow", when, moved.after)
        yield line.append(f"  overlap {moved.overlap:.2f}", style="dim")


def _line(mark: str, style: str, when: str, tag: Tag) -> Text:
    line = Text(f"{mark} ", style=style)
    line.append(f"{_shown(tag.source_media)}  {when}  ")
    if tag.track:
        line.append(f"{_shown(tag.track)}: ")
    line.append(_shown(tag.tag), style="bold")
    if tag.frame_info is not None and tag.frame_info.box is not None:
        corners = ", ".join(f"{value:.3f}" for value in tag.frame_info.box.values())
        line.append(f"  box {corners}", style="dim")
    return line


def _when(tag: Tag) -> str:
    start = _clock(tag.start_time)
    return start if tag.end_time == tag.start_time else f"{start}..{_clock(tag.end_time)}"


def _clock(milliseconds: int) -> str:
    """`75250` as `1:15.250`."""
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}:{rest // 1000:02}.{rest % 1000:03}"


def _shown(text: str) -> str:
    return printable(text, limit=MAX_SHOWN)
