"""Command line arguments and options shared by several verbs."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

MainOrImage: TypeAlias = Annotated[
    str, typer.Argument(help="A main.py, a folder with one, a command, or an image.")
]
MediaFiles: TypeAlias = Annotated[
    list[str], typer.Argument(help="Media: files, folders (recursively), quoted globs.")
]
Params: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="JSON|FILE", help="Params of the tagger: a JSON object, or a .json file with one."
    ),
]
ParamPairs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-p",
        metavar="KEY=VALUE",
        help="One of the params, over those of --params; a value is JSON where it can be, and a "
        "dot in a key leads into an object.",
    ),
]
SdkPairs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-O",
        "--option",
        metavar="KEY=VALUE",
        help="One of the SDK's own options, such as sampling, strict, crash_dir, max_pixels; "
        "`common-ml describe` lists them.",
    ),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print all as one JSON object.")]
Python: TypeAlias = Annotated[
    str | None, typer.Option(help="The interpreter of a main.py; by default this one.")
]
Engine: TypeAlias = Annotated[
    str | None, typer.Option(help="podman or docker; by default the first one found.")
]
EngineOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(help="An option for `podman run`, such as --gpus=all; may be repeated."),
]
