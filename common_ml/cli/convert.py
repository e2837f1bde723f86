"""`common-ml convert`: records of one format written in another, and Scale's for Masterful."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 - typer looks at the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand, TyperGroup

from common_ml.cli import convert_options as options
from common_ml.cli.console import stderr, stdout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from common_ml.data.record import Record
    from common_ml.data.report import Report, Skipped

EPILOG = "Example: [bold]common-ml convert tags coco tags.jsonl coco.json --media-root pictures/[/]"
_MASTERFUL_EPILOG = (
    "Example: [bold]common-ml convert scale-to-masterful -j export.json -t object_detection "
    "-o out/ --split train=0.8,val=0.1,test=0.1[/]"
)
TAGS = "tags"
"""The name of common-ml's own tags files, beside those of the outside formats."""
_FAILED = 1
_MOST_SKIPPED = 20
"""Told one by one; of more it is told how many."""


class _Group(TyperGroup):
    """`convert FROM TO ...` is `convert formats FROM TO ...`, whatever else it is not."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["formats", *args]
        return list(super().parse_args(ctx, args))


class _ManyNames(TyperCommand):
    """`-n a b` means `-n a -n b`: there is nothing else that b could be."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        expanded: list[str] = []
        after_names = False
        for place, one in enumerate(args):
            is_flag = one.startswith("-")
            if is_flag:
                after_names = one in _BATCHES
            elif after_names and args[place - 1] not in _BATCHES:
                expanded.append(_BATCHES[0])
            expanded.append(one)
        return list(super().parse_args(ctx, expanded))


_BATCHES = ("-n", "--batch_names", "--batch-names")

convert = typer.Typer(
    name="convert",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Write annotations of one format in another: [bold]common-ml convert FROM TO SOURCE "
    "TARGET[/].",
    epilog=EPILOG,
)


@convert.command(epilog=EPILOG)
def formats(
    from_format: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            help="tags, clarifai, coco, csv, diffgram, labelstudio, masterful, scale or webvtt.",
        ),
    ],
    to_format: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="tags, clarifai, coco, csv, labelstudio, masterful or webvtt."
        ),
    ],
    source: Annotated[
        str,
        typer.Argument(help="A file or folder; or scale://PROJECT, diffgram://PROJECT."),
    ],
    target: Annotated[Path, typer.Argument(help="A file, or a folder for masterful and webvtt.")],
    *,
    read: Annotated[
        list[str] | None,
        typer.Option("-r", "--read", metavar="KEY=VALUE", help="An option of the reader."),
    ] = None,
    write: Annotated[
        list[str] | None,
        typer.Option("-w", "--write", metavar="KEY=VALUE", help="An option of the writer."),
    ] = None,
    media_root: Annotated[
        Path | None,
        typer.Option(help="Folder of the media, for formats that need the sizes of pictures."),
    ] = None,
) -> None:
    """Write annotations of one format in another (the word `formats` may be left out).

    What each format keeps and loses, and its options, are in docs/formats.md. What cannot be
    written is told; the target changes only when all is well.
    """
    reader, writer = _reader(from_format), _writer(to_format)
    read_options = options.parse(reader, read or [], flag="--read")
    write_options = options.parse(writer, write or [], flag="--write")
    for function, given in ((reader, read_options), (writer, write_options)):
        if media_root is not None and options.takes(function, "media_root"):
            given["media_root"] = media_root
    with _telling() as tell:
        if options.takes(reader, "on_skip"):
            read_options["on_skip"] = tell.skipped
        records = reader(source, **read_options)
        report = _written(records, writer, target, write_options)
        tell.report(report)
    _print_result(report, target, read_skips=tell.num_skipped)


@convert.command("scale-to-masterful", cls=_ManyNames, epilog=_MASTERFUL_EPILOG)
def scale_to_masterful(  # noqa: PLR0913 - the options of a command
    *,
    task: Annotated[
        str,
        typer.Option(
            "-t",
            "--task",
            help="image_classification, object_detection or semantic_segmentation.",
        ),
    ],
    output_path: Annotated[
        Path, typer.Option("-o", "--output_path", "--output-path", help="Folder, made if missing.")
    ],
    project_name: Annotated[
        str | None,
        typer.Option("-p", "--project_name", "--project-name", help="A live project of Scale."),
    ] = None,
    json_path: Annotated[
        Path | None,
        typer.Option("-j", "--json_path", "--json-path", help="An export file, instead of -p."),
    ] = None,
    batch_names: Annotated[
        list[str] | None,
        typer.Option(*_BATCHES, help="Only these batches; one or more names."),
    ] = None,
    created_after: Annotated[
        str | None,
        typer.Option("-a", "--created_after", "--created-after", metavar="YYYY-MM-DD",
                     help="Only tasks created after the beginning of that day."),
    ] = None,
    created_before: Annotated[
        str | None,
        typer.Option("-b", "--created_before", "--created-before", metavar="YYYY-MM-DD",
                     help="Only tasks created before the beginning of that day."),
    ] = None,
    scale_api_key_path: Annotated[
        Path | None,
        typer.Option("-k", "--scale_api_key_path", "--scale-api-key-path",
                     help="A file that holds the key; else SCALE_API_KEY."),
    ] = None,
    download_images: Annotated[
        bool,
        typer.Option("-d", "--download_images", "--download-images",
                     help="Fetch pictures into images/ under the output, and masks beside them."),
    ] = False,
    review_status: Annotated[
        list[str] | None,
        typer.Option(help="Only tasks whose review says this: accepted, fixed, commented, "
                     "rejected or pending; may be repeated."),
    ] = None,
    keep_boxes: Annotated[
        bool,
        typer.Option("--keep-boxes", help="Detection: leave out other geometries than boxes, "
                     "instead of their tasks."),
    ] = False,
    mask_format: Annotated[
        str, typer.Option(help="png, or jpg, which is lossy and spoils class ids.")
    ] = "png",
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME=SHARE,...", help="Parts, each a folder of its own, such as "
                     "train=0.8,val=0.1,test=0.1."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Other numbers give other parts.")] = 0,
    api_url: Annotated[
        str | None, typer.Option(help="Where Scale's service is, if not where it usually is.")
    ] = None,
) -> None:  # fmt: skip
    """Make a dataset for Masterful of the completed tasks of Scale.

    One of --project_name and --json_path is needed. Tasks that are left out are told with the
    reason, but for those that the dates leave out.
    """
    from common_ml.data.formats import masterful, scale  # noqa: PLC0415 - heavy

    if (project_name is None) == (json_path is None):
        raise typer.BadParameter("exactly one of them is needed", param_hint="-p and -j")
    read_options = _scale_options(batch_names, created_after, created_before, review_status)
    if project_name is not None:
        key = None if scale_api_key_path is None else scale_api_key_path.read_text().strip()
        read_options |= {"api_key": key, "api_url": api_url}
    write_options: dict[str, Any] = {
        "task": _choice(task, _TASKS, "--task"),
        "mask_format": _choice(mask_format, ("png", "jpg"), "--mask-format"),
        "split": None if split is None else _value(options.shares, split, "--split"),
        "keep_boxes": keep_boxes,
        "download_images": download_images,
        "seed": seed,
    }
    source = f"{scale.LIVE}{project_name}" if json_path is None else os.fspath(json_path)
    with _telling() as tell:
        records = scale.read(source, on_skip=tell.skipped, **read_options)
        report = _written(records, masterful.write, output_path, write_options)
        tell.report(report)
    _print_result(report, output_path, read_skips=tell.num_skipped)


_TASKS = ("image_classification", "object_detection", "semantic_segmentation")
_REVIEWS = ("accepted", "fixed", "commented", "rejected", "pending")


def _scale_options(
    batches: list[str] | None, after: str | None, before: str | None, reviews: list[str] | None
) -> dict[str, Any]:
    return {
        "batches": batches or (),
        "created_after": None if after is None else _value(options.day, after, "--created_after"),
        "created_before": None
        if before is None
        else _value(options.day, before, "--created_before"),
        "review_status": [_choice(one, _REVIEWS, "--review-status") for one in reviews or ()],
    }


def _choice(value: str, known: tuple[str, ...], flag: str) -> str:
    if value not in known:
        raise typer.BadParameter(
            f"must be one of {', '.join(known)}, got {value!r}", param_hint=flag
        )
    return value


def _value(convert_text: Callable[[str], Any], text: str, flag: str) -> Any:
    try:
        return convert_text(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from error


def _reader(name: str) -> Callable[..., Iterator[Record]]:
    from common_ml.data import formats as known  # noqa: PLC0415 - heavy

    return _read_tags if name == TAGS else known.get(name).read


def _writer(name: str) -> Callable[..., Report]:
    from common_ml.data import formats as known  # noqa: PLC0415 - heavy

    if name == TAGS:
        return _write_tags
    if not known.can_write(name):
        listed = ", ".join([TAGS, *filter(known.can_write, known.names())])
        raise typer.BadParameter(f"{name} can only be read; written are {listed}", param_hint="TO")
    found: Callable[..., Report] = vars(known.get(name))["write"]
    return found


def _read_tags(
    source: str, *, per: str = "media", media_root: str | os.PathLike[str] | None = None
) -> Iterator[Record]:
    from common_ml.data.dataset import Dataset  # noqa: PLC0415 - heavy

    if per not in ("media", "frame"):
        raise typer.BadParameter(f"per must be media or frame, got {per!r}", param_hint="--read")
    with Dataset.open(source, media_root, per="frame" if per == "frame" else "media") as dataset:
        yield from dataset.records()


def _write_tags(records: Iterable[Record], target: Path) -> Report:
    from common_ml.data import export  # noqa: PLC0415 - heavy

    return export.to_jsonl(records, target)


def _written(
    records: Iterable[Record], writer: Callable[..., Report], target: Path, given: dict[str, Any]
) -> Report:
    """Runs the writer beneath a progress bar."""
    from rich.progress import (  # noqa: PLC0415 - not needed for --help
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from common_ml.errors import CommonMLError  # noqa: PLC0415 - the same

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    ) as progress:
        bar = progress.add_task("records", total=None)

        def counted() -> Iterator[Record]:
            for record in records:
                progress.advance(bar)
                yield record

        if options.takes(writer, "on_progress"):
            files = progress.add_task("files", total=None, visible=False)
            given = {
                **given,
                "on_progress": lambda done, total: progress.update(
                    files, completed=done, total=total, visible=True
                ),
            }
        try:
            return writer(counted(), target, **given)
        except ValueError as error:
            if isinstance(error, (CommonMLError, UnicodeError)):
                raise
            raise typer.BadParameter(str(error), param_hint="--write") from error


class _Telling(logging.Handler):
    """Tells on stderr what is left out or changed, each thing once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: set[str] = set()
        self.num_skipped = 0

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())

    def skipped(self, skipped: Skipped) -> None:
        """A task that the reader has left out."""
        self.num_skipped += 1
        self._tell(f"skipped {skipped.what}: {skipped.reason}")

    def report(self, report: Report) -> None:
        """What the writer says in the end and has not logged."""
        texts = [f"skipped {one.what}: {one.reason}" for one in report.skipped]
        new = [text for text in texts if text not in self._told]
        for text in [*report.warnings, *new[:_MOST_SKIPPED]]:
            self._tell(text)
        if len(new) > _MOST_SKIPPED:
            self._tell(f"skipped {len(new) - _MOST_SKIPPED} more")

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            stderr.print(f"[yellow]warning:[/] {escape(text)}", soft_wrap=True, highlight=False)


@contextmanager
def _telling() -> Iterator[_Telling]:
    """What the formats log is told, and nowhere else."""
    logger = logging.getLogger("common_ml.data.formats")
    handler, propagated = _Telling(), logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated


def _print_result(report: Report, target: Path, *, read_skips: int) -> None:
    num_skipped = len({one.what for one in report.skipped}) + read_skips
    told = f", {num_skipped} skipped in whole or in part" if num_skipped else ""
    records = "record" if report.written == 1 else "records"
    stdout.print(
        f"{report.written} {records} written to {escape(os.fspath(target))}{told}",
        soft_wrap=True,
        highlight=False,
    )
    if num_skipped and not report.written:
        raise typer.Exit(_FAILED)
