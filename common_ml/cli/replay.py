"""`common-ml replay`: repeat a call in which a model failed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from common_ml.cli.options import Python

EPILOG = (
    "Example: [bold]common-ml replay output/crashes/20260101T120000-7-01-tag_frame main:Model[/]"
)


def replay(
    bundle: Annotated[Path, typer.Argument(help="A crash bundle: a directory below crash_dir.")],
    model: Annotated[
        str, typer.Argument(help="A class, an instance or a function, as in main:Model.")
    ],
    *,
    python: Python = None,
) -> None:
    """Make the call of a crash bundle again, with the same pixels or file.

    Run it where main.py lies. The tags that the model returns are printed, or
    its traceback. The exit status is 0 if it returns tags, 1 if it fails, and
    2 if the call cannot be made.
    """
    if python is not None:
        command = [python, "-m", "common_ml.tagging.replay", "--", str(bundle), model]
        raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - the user named it
    from common_ml.tagging.replay import main

    raise typer.Exit(main(["--", str(bundle), model]))
