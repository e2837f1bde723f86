"""`common-ml convert`: convert annotations between formats, and Scale's to Masterful."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from common_ml.cli import convert_options as options
from common_ml.cli import convert_scale
from common_ml.cli.convert_formats import TAGS, reader, source_format, writer
from common_ml.cli.convert_report import ReportFile, SkipBad
from common_ml.cli.convert_run import Conversion, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.record import Record

EPILOG = "Example: [bold]common-ml convert tags coco tags.jsonl coco.json --media-root pictures/[/]"


class _Group(TyperGroup):
    """Make `convert FROM TO ...` short for `convert formats FROM TO ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["formats", *args]
        return list(super().parse_args(ctx, args))


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
            help="auto (by the content), tags, or a format: see docs/formats.md.",
        ),
    ],
    to_format: Annotated[
        str,
        typer.Argument(metavar="TO", help="tags, or a format that can be written."),
    ],
    source: Annotated[
        str,
        typer.Argument(help="A file or folder; or scale://PROJECT, diffgram://PROJECT."),
    ],
    target: Annotated[
        Path, typer.Argument(help="A file; for fiftyone, masterful, voc, webvtt and yolo a folder.")
    ],
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
    download: Annotated[
        bool,
        typer.Option("--download", help="Fetch media from addresses that are not found there."),
    ] = False,
    frames: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write the tagged frames of videos there as pictures, and refer to those.",
        ),
    ] = None,
    skip_bad: SkipBad = False,
    report: ReportFile = None,
) -> None:
    """Write annotations of one format in another (the word `formats` may be left out).

    What each format keeps and loses, and its options, are in docs/formats.md. What cannot be
    used or written is reported; the target changes only when all is well. The exit status is 1
    where nothing could be used.
    """
    name = source_format(from_format, source)
    read_from, write_to = reader(name), writer(to_format)
    read_options = options.parse(read_from, read or [], flag="--read")
    write_options = options.parse(write_to, write or [], flag="--write")
    for function, given in ((read_from, read_options), (write_to, write_options)):
        if media_root is not None and options.takes(function, "media_root"):
            given["media_root"] = media_root
    if download and options.takes(read_from, "download"):
        read_options["download"] = True
    between = None
    if frames is not None:
        if name == TAGS:
            read_options["per"] = "frame"
        between = partial(_with_frames, folder=frames, media_root=media_root)
    run(
        Conversion(
            from_format=name,
            to_format=to_format,
            read=read_from,
            write=write_to,
            source=source,
            target=target,
            read_options=read_options,
            write_options=write_options,
            between=between,
        ),
        skip_bad=skip_bad,
        report_file=report,
    )


def _with_frames(
    records: Iterable[Record], *, folder: Path, media_root: Path | None
) -> Iterator[Record]:
    from common_ml.data.frame_pictures import frame_pictures

    return frame_pictures(records, folder, media_root=media_root)


convert.command("scale-to-masterful", cls=convert_scale.ManyNames, epilog=convert_scale.EPILOG)(
    convert_scale.scale_to_masterful
)
