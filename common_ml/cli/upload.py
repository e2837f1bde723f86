"""`common-ml upload`: upload records to labelling platforms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from common_ml.cli.console import stderr
from common_ml.cli.upload_outcomes import print_plan, print_summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.data.clarifai_upload import Account, Summary, UploadOptions, UploadOutcome
    from common_ml.data.record import Record

FAILED = 1
INTERRUPTED = 130
EPILOG = (
    "Example: common-ml upload clarifai train.csv --user-id me --app-id animals"
    "  (the key from CLARIFAI_PAT; what fails is written to train.failed.csv)"
)

upload = typer.Typer(
    name="upload",
    help="Upload records to a platform where people label.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@upload.callback()
def _platforms() -> None:
    """Upload records to a platform where people label."""


@upload.command(epilog=EPILOG)
def clarifai(
    file: Annotated[
        Path,
        typer.Argument(
            help="Inputs: a CSV with url, pos_concepts, neg_concepts, metadata and perhaps boxes, "
            "the platform's own CSV, or its JSON.",
            metavar="FILE",
        ),
    ],
    *,
    key: Annotated[
        str,
        typer.Option(
            envvar="CLARIFAI_PAT",
            help="Personal access token. The variable keeps it out of the list of processes.",
            metavar="TOKEN",
            show_default=False,
        ),
    ] = "",
    user_id: Annotated[
        str,
        typer.Option(envvar="CLARIFAI_USER_ID", help="Owner of the app.", show_default=False),
    ] = "",
    app_id: Annotated[
        str,
        typer.Option(envvar="CLARIFAI_APP_ID", help="App to upload to.", show_default=False),
    ] = "",
    chunk_size: Annotated[int, typer.Option(help="Inputs a call.", min=1, max=128)] = 32,
    threads: Annotated[int, typer.Option(help="Calls at the same time.", min=1, max=64)] = 10,
    wait: Annotated[
        float,
        typer.Option(
            help="How long to wait until the inputs of a chunk are downloaded.",
            min=0,
            metavar="SECONDS",
        ),
    ] = 300,
    duplicates: Annotated[
        Literal["skip", "fail", "allow"],
        typer.Option(
            help="Existing inputs: leave them, count them as failed, or upload them again."
        ),
    ] = "skip",
    kind: Annotated[
        Literal["image", "video", "audio"],
        typer.Option(help="Kind of media without a known extension."),
    ] = "image",
    media_root: Annotated[
        Path | None,
        typer.Option(
            help="Where relative paths in FILE start.",
            show_default="the folder of FILE",
            file_okay=False,
            metavar="FOLDER",
        ),
    ] = None,
    failed: Annotated[
        Path | None,
        typer.Option(
            help="Where to write what failed, to be uploaded again.",
            show_default="FILE with .failed.csv",
            metavar="FILE.csv",
        ),
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            envvar="CLARIFAI_GRPC_BASE",
            help="Address of the platform, over TLS; http:// for this machine alone.",
            metavar="HOST[:PORT]",
        ),
    ] = "api.clarifai.com",
    root_certificates: Annotated[
        Path | None,
        typer.Option(
            help="Certificates of a private authority.", metavar="FILE.pem", dir_okay=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check FILE and say what would be sent; send nothing.")
    ] = False,
) -> None:
    """Upload pictures, videos or sounds with their concepts and regions to Clarifai.

    Inputs go in chunks, several at a time; regions follow once the platform
    has downloaded them. Throttled and broken calls are tried again after
    growing waits, and a refused key stops all at once. Uploading the same FILE
    again adds only what is missing.
    """
    from common_ml.data.clarifai_upload import Account, UploadOptions

    target = _failed_path(file, failed)
    options = UploadOptions(
        base=base,
        root_certificates=None if root_certificates is None else root_certificates.read_bytes(),
        chunk_size=chunk_size,
        threads=threads,
        wait_seconds=wait,
        duplicates=duplicates,
        media_root=file.parent if media_root is None else media_root,
    )
    if dry_run:
        _plan(_records(file, kind), options)
        return
    account = Account(key, user_id=user_id, app_id=app_id)
    summary = _uploaded(_records(file, kind), account, options)
    written = summary.write_failed(target)
    print_summary(summary, written)
    if summary.interrupted:
        raise typer.Exit(INTERRUPTED)
    if summary.failed or summary.stopped:
        raise typer.Exit(FAILED)


def _records(file: Path, kind: str) -> list[Record]:
    from common_ml.data import formats

    # validate all before the first upload, so that an invalid row is reported early
    return list(formats.get("clarifai").read(file, kind=kind))


def _failed_path(file: Path, wanted: Path | None) -> Path:
    """Return the path for failed rows; never FILE, nor the failed rows of an earlier upload."""
    if wanted is not None:
        if wanted.suffix.lower() != ".csv":
            raise typer.BadParameter(f"must end in .csv, got {wanted}", param_hint="--failed")
        if file.resolve() in (wanted.resolve(), wanted.with_suffix(".json").resolve()):
            raise typer.BadParameter("would replace FILE itself", param_hint="--failed")
        return wanted
    stem = re.sub(r"\.failed(-\d+)?$", "", file.stem)
    number = 1
    while True:
        end = ".failed" if number == 1 else f".failed-{number}"
        path = file.with_name(f"{stem}{end}.csv")
        if not (path.exists() or path.with_suffix(".json").exists()):
            return path
        number += 1


def _uploaded(records: Sequence[Record], account: Account, options: UploadOptions) -> Summary:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from common_ml.data.clarifai_upload import upload as upload_records

    columns = (
        TextColumn("uploading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[failed]}", style="red"),
    )
    num_failed = 0
    seen = stderr.is_terminal  # elsewhere it would leave an empty line
    with Progress(*columns, console=stderr, transient=True, disable=not seen) as progress:
        task = progress.add_task("", total=len(records), failed="")

        def show(outcome: UploadOutcome) -> None:
            nonlocal num_failed
            num_failed += outcome.state == "failed"
            text = f"{num_failed} failed" if num_failed else ""
            progress.update(task, advance=1, failed=text)

        return upload_records(records, account, options, on_outcome=show)


def _plan(records: Sequence[Record], options: UploadOptions) -> None:
    from common_ml.data.clarifai_upload import plan

    planned = plan(records, options)
    print_plan(planned, options)
    if planned.failed:
        raise typer.Exit(FAILED)
