"""`common-ml init`: create a model repo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.scaffold import MODELS, Kind, NewRepo, make_repo

EPILOG = "Example: common-ml init my-tagger --kind batch  (then: common-ml run my-tagger clip.mp4)"


def init(
    folder: Annotated[
        str, typer.Argument(help="The new folder; its last part names the repo.", metavar="NAME")
    ],
    *,
    kind: Annotated[
        Kind,
        typer.Option(
            help="Input of the model: one frame, a batch, a clip, a whole video, or its sound."
        ),
    ] = "frame",
    wheel: Annotated[
        Path | None,
        typer.Option(
            help="The wheel of common-ml, for the image; by default the one it was installed from.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Create a complete model repo, which passes `check` as it is.

    It has a small model that measures something real, its params, tests, a
    Containerfile and a README. Replace the model in model.py by yours.
    """
    repo = make_repo(folder, kind=kind, wheel=wheel)
    stdout.print(Text(f"{repo.name}: {MODELS[kind].description}", style="bold"), soft_wrap=True)
    for file in repo.files:
        stdout.print(Text(f"  {Path(folder) / file}"), soft_wrap=True)
    _print_next(repo, folder)


def _print_next(repo: NewRepo, folder: str) -> None:
    """Print the next commands to stderr: stdout has only the list of files."""
    clip = "sound.wav" if repo.kind == "audio" else "clip.mp4"
    stderr.print()
    steps = {
        f"common-ml run {folder} {clip}": "tags a file of yours",
        f"common-ml check {folder}": "checks it against the contract",
        f"pytest {folder}": "runs its tests",
    }
    width = max(map(len, steps))
    for command, why in steps.items():
        line = Text("  ").append(command.ljust(width), style="cyan").append(f"  {why}", style="dim")
        stderr.print(line, soft_wrap=True)
    if repo.wheel is None:
        text = f"The image needs the wheel of common-ml: copy it to {Path(folder) / 'wheels'}/"
        stderr.print(Text(text, style="yellow"), soft_wrap=True)
