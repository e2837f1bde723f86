"""`common-ml check`: the contract as checks against a tagger."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path  # noqa: TC003 - typer looks at the types when it runs
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.options import AsJson, Engine, EngineOption, MainOrImage, Python  # noqa: TC001 - typer reads them
from common_ml.cli.texts import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.runtime.conformance import CheckResult, Conformance

FAILED = 1
EPILOG = "Example: [bold]common-ml check my-tagger clip.mp4 --junit report.xml[/]"
_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}
_WORDS = {"passed": "pass", "failed": "FAIL", "skipped": "skip"}


def _list_checks(value: bool) -> None:  # noqa: FBT001 - typer's callbacks are called so
    if not value:
        return
    from common_ml.runtime.conformance import CHECKS  # noqa: PLC0415 - heavy

    table = Table(box=None, pad_edge=False, show_header=False)
    for check in CHECKS:
        suffix = " (images)" if check.target == "image" else ""
        table.add_row(Text(check.name, style="bold"), Text(check.title + suffix))
    stdout.print(table)
    raise typer.Exit


def check(  # noqa: PLR0913 - the options of a command
    main_or_image: MainOrImage,
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Good media to check with. Without any, small ones are made."),
    ] = None,
    *,
    params: Annotated[
        str | None, typer.Option(help="Params that the tagger cannot do without: a JSON object.")
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="KEY=VALUE", help="One of the params, over those of --params."),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="The name of a check; all others are left out. May be repeated."),
    ] = None,
    list_checks: Annotated[
        bool,
        typer.Option(
            "--list", callback=_list_checks, is_eager=True, help="Name all checks, and end."
        ),
    ] = False,
    as_json: AsJson = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit report, for CI servers.")
    ] = None,
    idle_timeout: Annotated[
        float,
        typer.Option(min=0.1, help="Seconds without a message until a tagger is said to hang."),
    ] = 120,
    python: Python = None,
    engine: Engine = None,
    engine_option: EngineOption = None,
) -> None:
    """Check that a tagger does what the runtime expects, whoever wrote it.

    It is started about a dozen times, with good files and bad ones, and
    watched. Of each check that fails you read what the contract says, what
    was seen, and how to mend it. The exit status is 1 if any check failed.
    Checks that nobody can judge are skipped, and say why: boxes, where it
    found none.
    """
    del list_checks  # handled by its callback
    from common_ml.cli.media_files import find_media  # noqa: PLC0415 - heavy, as all of these
    from common_ml.cli.params_options import merge_params  # noqa: PLC0415
    from common_ml.runtime.conformance import CHECKS, Conformance  # noqa: PLC0415

    known = [known.name for known in CHECKS]
    for name in only or ():
        if name not in known:
            raise typer.BadParameter(
                f"there is no check {name!r}; --list names them", param_hint="--only"
            )
    with Conformance(
        main_or_image,
        find_media(files or []),
        params=merge_params(params, pairs or []),
        quiet_seconds=idle_timeout,
        python=python,
        engine=engine,
        engine_options=engine_option or [],
    ) as conformance:
        results = list(_results(conformance, only or known))
        if junit is not None:
            _write_junit(junit, conformance, results)
        if as_json:
            _print_json(conformance, results)
        else:
            _print_table(conformance, results)
    if any(result.failed for result in results):
        raise typer.Exit(FAILED)


def _results(conformance: Conformance, names: list[str]) -> Iterator[CheckResult]:
    """Judge one check after the other, and say at a terminal which one it is."""
    checks = [check for check in conformance.checks if check.name in names]
    status = stderr.status("") if stderr.is_terminal else nullcontext()
    with status as shown:
        for number, each in enumerate(checks, 1):
            if shown is not None:
                shown.update(f"{number}/{len(checks)} {escape(each.name)}: {escape(each.title)}")
            yield conformance.judge(each)


def _print_table(conformance: Conformance, results: list[CheckResult]) -> None:
    from common_ml.runtime.conformance import counted  # noqa: PLC0415 - heavy

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("what it asks", overflow="fold")
    for result in results:
        what = Text(result.title)
        if result.skipped:
            what.append(f" ({printable(result.seen)})", style="dim")
        outcome = Text(_WORDS[result.outcome], style=_STYLES[result.outcome])
        table.add_row(Text(result.name), outcome, what)
    stdout.print(table)
    for result in results:
        if result.failed:
            _print_failure(result)
    counts = counted(results)
    said = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    style = "bold red" if counts["failed"] else "bold green"
    stdout.print()
    stdout.print(Text(f"{printable(conformance.name)}: {said}", style=style), soft_wrap=True)
    starts = plural(conformance.num_starts, "start")
    stdout.print(Text(f"{conformance.seconds:.1f} s, {starts} of the tagger", style="dim"))


def _print_failure(result: CheckResult) -> None:
    stdout.print()
    stdout.print(Text(f"{result.name}: {result.title}", style="bold red"))
    rows = Table(box=None, pad_edge=False, show_header=False)
    rows.add_column(no_wrap=True, style="bold")
    rows.add_column(overflow="fold")
    for head, text in (
        ("expected", result.expected),
        ("seen", printable(result.seen)),
        ("mend it", result.mend),
    ):
        rows.add_row(head, Text(text))
    stdout.print(Padding(rows, (0, 0, 0, 2)))


def _print_json(conformance: Conformance, results: list[CheckResult]) -> None:
    from common_ml.runtime.conformance import as_json  # noqa: PLC0415 - heavy

    report = as_json(
        results,
        tagger=conformance.name,
        seconds=conformance.seconds,
        num_starts=conformance.num_starts,
    )
    typer.echo(json.dumps(report, indent=2))


def _write_junit(path: Path, conformance: Conformance, results: list[CheckResult]) -> None:
    from common_ml.runtime.conformance import as_junit  # noqa: PLC0415 - heavy

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_junit(results, tagger=conformance.name, seconds=conformance.seconds))
