"""Entry point of the command `common-ml`: register the verbs, print errors, set exit statuses."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Annotated

import typer

from common_ml import __version__
from common_ml.cli import bench as bench_verb
from common_ml.cli import check as check_verb
from common_ml.cli import convert as convert_verbs
from common_ml.cli import data as data_verbs
from common_ml.cli import describe as describe_verb
from common_ml.cli import diff as diff_verb
from common_ml.cli import init as init_verb
from common_ml.cli import predict as predict_verb
from common_ml.cli import replay as replay_verb
from common_ml.cli import run as run_verb
from common_ml.cli import scale as scale_verbs
from common_ml.cli import serve as serve_verb
from common_ml.cli import service as service_verbs
from common_ml.cli import upload as upload_verbs
from common_ml.cli import view as view_verb
from common_ml.cli import worker as worker_verb
from common_ml.cli.console import print_error
from common_ml.cli.help import USAGE_ERROR, usage_sentence, use_plain_help
from common_ml.errors import CommonMLError, ParamsError, describe_error

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILED = 1
"""Exit status of a verb that failed."""

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
        typer.Option("--debug", help="Show the traceback of an error; allowed after any verb."),
    ] = False,
) -> None:
    """Write, run, check and ship taggers, and use their tags."""
    del version, debug  # handled by the callback and by `main`


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit the process with its status.

    Args:
        arguments: Arguments of the command line, without the program's name; by default sys.argv's.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    ours, separator, theirs = _split_at(given, "--")
    debug = "--debug" in ours
    ours = [argument for argument in ours if argument != "--debug"]
    command = typer.main.get_command(app)
    use_plain_help(command)
    arguments = [*ours, *separator, *theirs]
    try:
        status = command.main(args=arguments, prog_name="common-ml", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except USAGE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message())
        else:
            print_error(usage_sentence(error, arguments))
        sys.exit(error.exit_code)
    except (CommonMLError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # broken pipe: the reader has closed it
            sys.stderr.close()
            sys.exit(FAILED)
        if debug:
            traceback.print_exc()
        print_error(_sentence(error))
        sys.exit(FAILED)


def _sentence(error: CommonMLError | OSError) -> str:
    if isinstance(error, ParamsError):
        return describe_error(error)
    if isinstance(error, CommonMLError) or not error.strerror:
        return str(error) or describe_error(error)
    # without type and number, which do not help a user
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
app.command(epilog=serve_verb.EPILOG)(serve_verb.serve)
app.command(epilog=predict_verb.EPILOG)(predict_verb.predict)
app.command(epilog=view_verb.EPILOG)(view_verb.view)
app.command(epilog=worker_verb.EPILOG)(worker_verb.worker)
app.command(epilog=bench_verb.EPILOG)(bench_verb.bench)
app.command(epilog=diff_verb.EPILOG)(diff_verb.diff)
app.command(epilog=replay_verb.EPILOG)(replay_verb.replay)
app.add_typer(data_verbs.data)
app.add_typer(convert_verbs.convert)
app.add_typer(service_verbs.service)
app.add_typer(upload_verbs.upload)
app.add_typer(scale_verbs.scale)


if __name__ == "__main__":
    main()
