"""`common-ml convert scale-to-masterful`: convert Scale's completed tasks to Masterful."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from common_ml.cli import convert_options as options
from common_ml.cli.convert_report import ReportFile, SkipBad
from common_ml.cli.convert_run import Conversion, run

if TYPE_CHECKING:
    from collections.abc import Callable

EPILOG = (
    "Example: [bold]common-ml convert scale-to-masterful -j export.json -t object_detection "
    "-o out/ --split train=0.8,val=0.1,test=0.1[/]"
)


class ManyNames(TyperCommand):
    """Accept `-n a b` for `-n a -n b`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the option before each of its names."""
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


def scale_to_masterful(
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
        str | None,
        typer.Option("-j", "--json_path", "--json-path",
                     help="An export file, also s3://... or gs://..., instead of -p."),
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
        typer.Option(help="Only tasks with this review status: accepted, fixed, commented, "
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
    skip_bad: SkipBad = False,
    report: ReportFile = None,
) -> None:  # fmt: skip
    """Make a dataset for Masterful of the completed tasks of Scale.

    One of --project_name and --json_path is needed. Tasks that are left out are listed with the
    reason, but for those that the dates leave out.
    """
    from common_ml.data.formats import masterful, scale

    if (project_name is None) == (json_path is None):
        raise typer.BadParameter("exactly one of them is needed", param_hint="-p and -j")
    if json_path is not None and scale_api_key_path is not None:
        raise typer.BadParameter(
            "a key is for a live project (-p), and an export file needs none", param_hint="-k"
        )
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
    source = f"{scale.LIVE}{project_name}" if json_path is None else json_path
    run(
        Conversion(
            from_format="scale",
            to_format="masterful",
            read=scale.read,
            write=masterful.write,
            source=source,
            target=output_path,
            read_options=read_options,
            write_options=write_options,
        ),
        skip_bad=skip_bad,
        report_file=report,
    )


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
