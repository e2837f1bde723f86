"""Arguments and options that several verbs have, in the same words."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

MainOrImage: TypeAlias = Annotated[
    str, typer.Argument(help="A main.py, a folder with one, a command, or an image.")
]
MediaFiles: TypeAlias = Annotated[
    list[str], typer.Argument(help="Media: files, folders (with all below), globs in quotes.")
]
Params: TypeAlias = Annotated[str | None, typer.Option(help="Params of the tagger: a JSON object.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print all as one JSON object.")]
Python: TypeAlias = Annotated[
    str | None, typer.Option(help="The interpreter of a main.py, if not this one's.")
]
Engine: TypeAlias = Annotated[
    str | None, typer.Option(help="podman or docker, if not the first that is found.")
]
EngineOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="An option for `podman run`, such as --gpus=all; may be repeated."),
]
