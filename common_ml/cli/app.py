"""The command `common-ml`: its verbs, and how an error of any of them is told."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from common_ml import __version__
from common_ml.cli import bench as bench_verb
from common_ml.cli import check as check_verb
from common_ml.cli import convert as convert_verbs
from common_ml.cli import data as data_verbs
from common_ml.cli import describe as describe_verb
from common_ml.cli import diff as diff_verb
from common_ml.cli import init as init_verb
from common_ml.cli import run as run_verb
from common_ml.cli import upload as upload_verbs
from common_ml.cli import view as view_verb
from common_ml.cli.console import stderr
from common_ml.cli.texts import printable
from common_ml.errors import CommonMLError, ParamsError, describe

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED = 1
"""Exit status of a verb that could not do, or did not find, what was asked for."""

app = typer.Typer(
    name="common-ml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer's callbacks are called so
    if value:
        typer.echo(f"common-ml {__version__}")
        raise typer.Exit


@app.callback()
def common_ml(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error; allowed behind any verb."),
    ] = False,
) -> None:
    """Write, run, check and ship taggers, and use their tags."""
    del version, debug  # handled by the callback and by `main`


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and ends the process with its exit status.

    Args:
        arguments: Those of the command line, without the program's name; by default sys.argv's.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    ours, separator, theirs = _split_at(given, "--")
    debug = "--debug" in ours
    ours = [argument for argument in ours if argument != "--debug"]
    try:
        app(args=[*ours, *separator, *theirs], prog_name="common-ml")
    except KeyboardInterrupt:
        sys.exit(130)
    except (CommonMLError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of a pipe has seen enough
            sys.stderr.close()
            sys.exit(FAILED)
        if debug:
            traceback.print_exc()
        said = "\n".join(map(printable, _sentence(error).expandtabs().splitlines()))
        stderr.print(f"[bold red]error:[/] {escape(said)}", soft_wrap=True)
        sys.exit(FAILED)


def _sentence(error: CommonMLError | OSError) -> str:
    if isinstance(error, ParamsError):
        return describe(error)
    if isinstance(error, CommonMLError) or not error.strerror:
        return str(error) or describe(error)
    # without the type and the number, which tell a user nothing
    return error.strerror + (f": {str(error.filename)!r}" if error.filename else "")


def _split_at(arguments: list[str], mark: str) -> tuple[list[str], list[str], list[str]]:
    if mark not in arguments:
        return arguments, [], []
    place = arguments.index(mark)
    return arguments[:place], [mark], arguments[place + 1 :]


app.command(epilog=init_verb.EPILOG)(init_verb.init)
app.command(epilog=run_verb.EPILOG)(run_verb.run)
app.command(epilog=check_verb.EPILOG)(check_verb.check)
app.command(epilog=describe_verb.EPILOG)(describe_verb.describe)
app.command(epilog=view_verb.EPILOG)(view_verb.view)
app.command(epilog=bench_verb.EPILOG)(bench_verb.bench)
app.command(epilog=diff_verb.EPILOG)(diff_verb.diff)
app.add_typer(data_verbs.data)
app.add_typer(convert_verbs.convert)
app.add_typer(upload_verbs.upload)


if __name__ == "__main__":
    main()
