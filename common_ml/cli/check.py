"""`common-ml check`: test a tagger against the contract."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.options import (
    AsJson,
    Engine,
    EngineOption,
    MainOrImage,
    ParamPairs,
    Python,
    SdkPairs,
)
from common_ml.cli.texts import plural, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.runtime.conformance import CheckResult, Conformance

FAILED = 1
EPILOG = "Example: [bold]common-ml check my-tagger clip.mp4 --junit report.xml[/]"
_STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow"}
_MAX_ODD_VALUES = 20
_WORDS = {"passed": "pass", "failed": "FAIL", "skipped": "skip"}


def _list_checks(value: bool) -> None:  # noqa: FBT001 - typer's callbacks are called so
    if not value:
        return
    from common_ml.runtime.conformance import CHECKS

    table = Table(box=None, pad_edge=False, show_header=False)
    for check in CHECKS:
        suffix = " (images)" if check.target == "image" else ""
        table.add_row(Text(check.name, style="bold"), Text(check.title + suffix))
    stdout.print(table)
    raise typer.Exit


def check(
    main_or_image: MainOrImage,
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Good media to check with. Without any, small ones are generated."),
    ] = None,
    *,
    params: Annotated[
        str | None, typer.Option(help="Params that the tagger requires: a JSON object.")
    ] = None,
    pairs: ParamPairs = None,
    sdk_pairs: SdkPairs = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Run only the check of this name. May be repeated."),
    ] = None,
    list_checks: Annotated[
        bool,
        typer.Option(
            "--list", callback=_list_checks, is_eager=True, help="List all checks and exit."
        ),
    ] = False,
    as_json: AsJson = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit report, for CI servers.")
    ] = None,
    idle_timeout: Annotated[
        float,
        typer.Option(
            min=0.1, help="Seconds without a message after which a tagger counts as hanging."
        ),
    ] = 120,
    python: Python = None,
    engine: Engine = None,
    engine_option: EngineOption = None,
) -> None:
    """Check that a tagger does what the runtime expects, whoever wrote it.

    It is started about a dozen times, with good and bad files. For each
    failed check the rule of the contract, the observation and a hint are
    printed. The exit status is 1 if any check failed. A check that cannot
    be evaluated is skipped with the reason: boxes, where it found none.
    """
    del list_checks  # handled by its callback
    from common_ml.cli.params_options import merge_params
    from common_ml.runtime.conformance import CHECKS, Conformance
    from common_ml.runtime.media_files import find_media

    known = [known.name for known in CHECKS]
    for name in only or ():
        if name not in known:
            raise typer.BadParameter(
                f"unknown check {name!r}; hint: --list names them", param_hint="--only"
            )
    with Conformance(
        main_or_image,
        find_media(files or []),
        params=merge_params(params, pairs or [], sdk_pairs or []),
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
    """Evaluate the checks one by one; show the current one on a terminal."""
    checks = [check for check in conformance.checks if check.name in names]
    status = stderr.status("") if stderr.is_terminal else nullcontext()
    with status as shown:
        for number, each in enumerate(checks, 1):
            if shown is not None:
                shown.update(Text(f"{number}/{len(checks)} {each.name}: {each.title}"))
            yield conformance.evaluate(each)


def _print_table(conformance: Conformance, results: list[CheckResult]) -> None:
    from common_ml.runtime.conformance import counted

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("rule", overflow="fold")
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
    if conformance.odd_values:
        stdout.print()
        stdout.print(Text("odd values, accepted but probably unintended:", style="yellow"))
        for text in conformance.odd_values[:_MAX_ODD_VALUES]:
            stdout.print(Padding(Text(printable(text)), (0, 0, 0, 2)))
    counts = counted(results)
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    style = "bold red" if counts["failed"] else "bold green"
    stdout.print()
    stdout.print(Text(f"{printable(conformance.name)}: {summary}", style=style), soft_wrap=True)
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
        ("hint", result.hint),
    ):
        rows.add_row(head, Text(text))
    stdout.print(Padding(rows, (0, 0, 0, 2)))


def _print_json(conformance: Conformance, results: list[CheckResult]) -> None:
    from common_ml.runtime.conformance import as_json

    report = as_json(
        results,
        tagger=conformance.name,
        seconds=conformance.seconds,
        num_starts=conformance.num_starts,
        odd_values=conformance.odd_values,
    )
    typer.echo(json.dumps(report, indent=2))


def _write_junit(path: Path, conformance: Conformance, results: list[CheckResult]) -> None:
    from common_ml.runtime.conformance import as_junit

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_junit(results, tagger=conformance.name, seconds=conformance.seconds))
