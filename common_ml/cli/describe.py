"""`common-ml describe`: what a tagger is and takes, as JSON."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from common_ml.cli.console import stdout
from common_ml.cli.options import Engine, MainOrImage, Python  # noqa: TC001 - typer reads them

EPILOG = "Example: [bold]common-ml describe my-tagger | jq .params.properties[/]"


def describe(
    main_or_image: MainOrImage,
    *,
    start: Annotated[
        bool, typer.Option("--start", help="Start an image, too, and ask the program in it.")
    ] = False,
    python: Python = None,
    engine: Engine = None,
    engine_option: Annotated[
        list[str] | None,
        typer.Option(help="An option for `podman run`, with --start; may be repeated."),
    ] = None,
) -> None:
    """Tell what a tagger is and takes: kind, tracks, params as JSON Schema, versions.

    No weights are loaded: a program is started with --describe, and answers
    where it takes its params; of an image the label is read, and nothing is
    started.
    """
    from common_ml.runtime.describing import describe as ask  # noqa: PLC0415 - heavy

    description = ask(
        main_or_image,
        start=start,
        python=python,
        engine=engine,
        engine_options=engine_option or [],
    )
    text = json.dumps(description, indent=2, ensure_ascii=False)
    if stdout.is_terminal:
        stdout.print_json(text, indent=2, ensure_ascii=False)
    else:
        typer.echo(text)
