"""`common-ml service`: back up, restore, clean up and examine a prediction service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.text import Text

from common_ml.cli.console import stdout
from common_ml.cli.options import AsJson

if TYPE_CHECKING:
    from common_ml.service.core import Core
    from common_ml.service.settings import Settings

service = typer.Typer(
    name="service", no_args_is_help=True, help="Back up, clean up and examine a prediction service."
)
Data: TypeAlias = Annotated[Path, typer.Option(help="The data folder of the server.")]
Database: TypeAlias = Annotated[
    str,
    typer.Option(
        envvar="COMMON_ML_DATABASE", help="postgresql://...; by default SQLite under --data."
    ),
]
Store: TypeAlias = Annotated[
    str,
    typer.Option(envvar="COMMON_ML_STORE", help="s3://... or a folder; by default under --data."),
]
DEFAULT_DATA = Path("service")
_COLOURS = {"ok": "green", "warning": "yellow", "error": "bold red"}


@service.command(epilog="Example: [bold]common-ml service backup /backups/monday[/]")
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    *,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    store: Store = "",
    contents: Annotated[
        bool, typer.Option(help="Whether to copy contents and tags as well.")
    ] = True,
) -> None:
    """Copy database and store into a folder, while the service runs."""
    from common_ml.service.maintenance.backup import back_up

    with _core(data, database, store) as core:
        counts = back_up(core, folder, with_contents=contents)
    _print(f"{counts['contents']:,} contents and {counts['parts']:,} tags files in {folder}")


@service.command(epilog="Example: [bold]common-ml service restore /backups/monday --data new[/]")
def restore(
    folder: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    *,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    store: Store = "",
) -> None:
    """Bring a backup into a new data folder or an empty database."""
    from common_ml.service.maintenance.backup import restore as bring_back

    counts = bring_back(folder, _settings(data, database, store))
    _print(f"{counts['contents']:,} contents and {counts['parts']:,} tags files restored")


@service.command(epilog="Example: [bold]common-ml service gc --older-than 3600[/]")
def gc(
    *,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    store: Store = "",
    older_than: Annotated[float, typer.Option(min=0, help="Seconds; what is younger stays.")] = 24
    * 3600,
    as_json: AsJson = False,
) -> None:
    """Collect garbage: contents without names, expired events."""
    from dataclasses import asdict

    from common_ml.service.maintenance.collecting import collect

    with _core(data, database, store) as core:
        found = asdict(collect(core, grace_seconds=older_than))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print("removed " + ", ".join(f"{number:,} {name}" for name, number in found.items()))


@service.command(epilog="Example: [bold]common-ml service doctor --deep[/]")
def doctor(
    *,
    data: Data = DEFAULT_DATA,
    database: Database = "",
    store: Store = "",
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every content and every tags file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for faults; the exit status is 1 if there are any errors."""
    from dataclasses import asdict

    from common_ml.service.maintenance.doctor import examine

    with _core(data, database, store, migrate=False) as core:
        found = examine(core, deep=deep)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            mark = (f"{one.level:8}", _COLOURS[one.level])
            stdout.print(Text.assemble(mark, f"{one.name:10}", one.text), soft_wrap=True)
    if any(one.level == "error" for one in found):
        raise typer.Exit(1)


def _settings(data: Path, database: str, store: str) -> Settings:
    from common_ml.service.settings import Settings

    return Settings(data, database=database, store=store, database_wait_seconds=5)


def _core(data: Path, database: str, store: str, *, migrate: bool = True) -> Core:
    """Open an existing service: a misspelt folder is an error, not a new service."""
    from common_ml.errors import NotFoundError
    from common_ml.service.core import open_core

    settings = _settings(data, database, store)
    if not database and not (data / "service.db").exists():
        raise NotFoundError(
            f"there is no service in {data}; hint: --data names the folder that serve was given"
        )
    return open_core(settings, migrate=migrate)


def _print(text: str) -> None:
    stdout.print(Text(text), soft_wrap=True)
