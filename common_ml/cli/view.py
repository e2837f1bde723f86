"""`common-ml view`: show a tags file as a page."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from common_ml.cli.console import stderr, stdout
from common_ml.cli.run import DEFAULT_OUTPUT
from common_ml.cli.tags_files import refuse_missing

if TYPE_CHECKING:
    from common_ml.report import Written
    from common_ml.report.server import LivePage

EPILOG = "Example: common-ml view tags.jsonl --embed  (one file that can be shared)"
MEGABYTE = 1_000_000
_NO_LIMIT = 1e12  # megabytes; an int has no infinity


def view(
    tags: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The output of a tagger; of two, what changed between them.",
            metavar="TAGS.jsonl",
            dir_okay=False,
            show_default=str(DEFAULT_OUTPUT),
        ),
    ] = None,
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
        typer.Option(help="Params of the tagger, to be shown.", metavar="JSON"),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option(
            "--serve",
            help="Serve the page on 127.0.0.1 until Ctrl-C; it follows a running job.",
        ),
    ] = False,
    port: Annotated[
        int, typer.Option(help="Port of --serve; 0: any free one.", min=0, max=65535)
    ] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only write the page, open no browser.")
    ] = False,
) -> None:
    """Write one HTML page that shows tags over their media, and open it.

    Of two tags files it shows what is new, gone, moved and the same. More
    are joined to one before: cat *.jsonl > all.jsonl

    The page needs neither server nor network. Without --embed it links the
    media by relative paths: move it together with them.
    """
    from common_ml.report import write_comparison, write_page

    paths = tags or [DEFAULT_OUTPUT]
    if len(paths) > 2:
        raise typer.BadParameter(
            f"one tags file is shown, two are compared, got {len(paths)};"
            " hint: for one page of them all: cat A.jsonl B.jsonl C.jsonl > all.jsonl"
        )
    refuse_missing(*paths)
    given = None if params is None else _object(params)
    if serve:
        if embed or output is not None:
            raise typer.BadParameter("--serve writes no page: leave out --embed and --output")
        from common_ml.report.server import LivePage

        before = paths[0] if len(paths) > 1 else None
        page = LivePage(paths[-1], before=before, media=media or (), params=given)
        _serve(page, port, opens=not no_open)
        return
    target = paths[-1].with_suffix(".html") if output is None else output
    options: dict[str, Any] = {
        "embed": embed,
        "media": media or (),
        "params": given,
        "media_limit_bytes": int(min(embed_limit, _NO_LIMIT) * MEGABYTE),
    }
    if len(paths) == 1:
        written = write_page(paths[0], target, **options)
    else:
        written = write_comparison(paths[0], paths[1], target, **options)
    _print_missing(written)
    stdout.print(Text(str(written.path)), soft_wrap=True)
    if not no_open:
        # not at the top: a text browser would take over the terminal
        import webbrowser

        if not webbrowser.open(written.path.absolute().as_uri()):
            stderr.print("no browser found; hint: open the page by hand", style="yellow")


def _serve(page: LivePage, port: int, *, opens: bool) -> None:
    """Serve a page until Ctrl-C, and say how to reach it from another machine."""
    from common_ml.report.server import PageServer

    page.page()  # first, so that errors are reported here
    with PageServer(page, port=port) as server:
        stdout.print(Text(server.url), soft_wrap=True)
        number = server.server_address[1]
        hint = f"from another machine: ssh -L {number}:127.0.0.1:{number} HOST; Ctrl-C ends it"
        stderr.print(Text(hint, style="dim"), soft_wrap=True)
        if opens:
            import webbrowser

            webbrowser.open(server.url)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def _print_missing(written: Written) -> None:
    """Print which media are missing, or linked instead of embedded."""
    if written.missing:
        few = ", ".join(written.missing[:3]) + (" ..." if len(written.missing) > 3 else "")
        found = f"{len(written.missing)} of {written.num_files} files not found ({few})"
        hint = "name their folder with --media FOLDER"
        stderr.print(
            Text(f"{found}, shown without media; hint: {hint}", style="yellow"), soft_wrap=True
        )
    if written.outside:
        few = ", ".join(written.outside[:3]) + (" ..." if len(written.outside) > 3 else "")
        found = f"linked, not embedded, since outside of the folders named: {few}"
        stderr.print(Text(f"{found}; hint: --media FOLDER", style="yellow"), soft_wrap=True)


def _object(text: str) -> dict[str, Any]:
    import orjson

    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"must be a JSON object, got {text!r}: {error}"
        raise typer.BadParameter(message, param_hint="--params") from error
    if not isinstance(value, dict):
        raise typer.BadParameter(f"must be a JSON object, got {text!r}", param_hint="--params")
    return value
