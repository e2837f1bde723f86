"""`common-ml view`: the page of a tags file."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer looks at the types when it runs
from typing import Annotated, Any

import typer
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.run import DEFAULT_OUTPUT
from common_ml.cli.tags_files import refuse_missing

EPILOG = "Example: common-ml view tags.jsonl --embed  (one file that can be sent to somebody)"
MEGABYTE = 1_000_000


def view(
    tags: Annotated[
        Path, typer.Argument(help="The output of a tagger.", metavar="TAGS.jsonl", dir_okay=False)
    ] = DEFAULT_OUTPUT,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The page; by default TAGS.html beside the tags.", metavar="FILE"
        ),
    ] = None,
    embed: Annotated[
        bool, typer.Option("--embed", help="Put small pictures and media into the page.")
    ] = False,
    embed_limit: Annotated[
        float,
        typer.Option(help="Media larger than this are linked all the same.", metavar="MB", min=0),
    ] = 25.0,
    media: Annotated[
        list[Path] | None,
        typer.Option(help="A folder with media; may be given again.", metavar="FOLDER"),
    ] = None,
    params: Annotated[
        str | None,
        typer.Option(help="What the tagger was run with, to be shown.", metavar="JSON"),
    ] = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only write the page, open no browser.")
    ] = False,
) -> None:
    """Write one HTML page that shows tags over their media, and open it.

    The page needs neither server nor network. Without --embed it links the
    media, so it has to stay where it is, seen from them.
    """
    from common_ml.report.page import write_page  # noqa: PLC0415 - `--help` does without

    refuse_missing(tags)
    target = tags.with_suffix(".html") if output is None else output
    written = write_page(
        tags,
        target,
        embed=embed,
        media=media or (),
        params=None if params is None else _object(params),
        media_limit_bytes=int(embed_limit * MEGABYTE),
    )
    if written.missing:
        few = ", ".join(written.missing[:3]) + (" ..." if len(written.missing) > 3 else "")
        said = f"{len(written.missing)} of {written.num_files} files not found ({few})"
        way_out = "their tags are shown without them; --media FOLDER says where they are"
        stderr.print(Text(f"{said}: {way_out}", style="yellow"), soft_wrap=True)
    stdout.print(Text(str(written.path)), soft_wrap=True)
    if not no_open:
        # a browser of the terminal would take it over, and print into a pipe
        import webbrowser  # noqa: PLC0415 - `--help` does without

        if not webbrowser.open(written.path.absolute().as_uri()):
            stderr.print("no browser to open it with: open it yourself", style="yellow")


def _object(text: str) -> dict[str, Any]:
    import orjson  # noqa: PLC0415 - `--help` does without

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        said = f"must be a JSON object, got {text!r}: {error}"
        raise typer.BadParameter(said, param_hint="--params") from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f"must be a JSON object, got {text!r}", param_hint="--params")
    return value
