"""`common-ml describe`: print the description of a tagger, as tables or JSON."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from common_ml.cli.console import stdout
from common_ml.cli.options import Engine, MainOrImage, Python

EPILOG = "Example: [bold]common-ml describe my-tagger | jq .params.properties[/]"


def describe(
    main_or_image: MainOrImage,
    *,
    start: Annotated[
        bool, typer.Option("--start", help="Start an image, too, and ask the program in it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on a terminal, too.")] = False,
    python: Python = None,
    engine: Engine = None,
    engine_option: Annotated[
        list[str] | None,
        typer.Option(help="An option for `podman run`, with --start; may be repeated."),
    ] = None,
) -> None:
    """Print kind, tracks, params and versions of a tagger.

    A terminal gets tables, anything else JSON (with params as JSON Schema).

    No weights are loaded: a program is started with --describe, and answers
    where it parses its params; of an image the label is read, and nothing
    is started.
    """
    from common_ml.runtime.describing import describe_tagger

    description = describe_tagger(
        main_or_image,
        start=start,
        python=python,
        engine=engine,
        engine_options=engine_option or [],
    )
    if stdout.is_terminal and not as_json:
        from common_ml.cli.description_table import description_tables

        for part in description_tables(description, width=stdout.width):
            stdout.print(part)
    else:
        typer.echo(json.dumps(description, indent=2, ensure_ascii=False))
