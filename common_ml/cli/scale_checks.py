"""Checks of `common-ml scale` before it writes anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.text import Text

from common_ml.cli.console import print_line
from common_ml.cli.texts import printable

if TYPE_CHECKING:
    from common_ml.scale.apptainer import ImageOptions
    from common_ml.scale.plan_file import Plan


def refuse_folder(output: Path) -> None:
    """Raise where an output is a folder: a merge would fail after all work is done."""
    from common_ml.errors import OutputError

    if output.is_dir():
        raise OutputError(
            f"the output file {output} cannot be opened: Is a directory; hint: name a file in it",
            path=output,
        )


def refuse_other_file(output: Path, kind: Literal["plan", "tags file"]) -> None:
    """Raise where a folder, or a file of another kind such as a film, would be overwritten."""
    from common_ml.errors import OutputError
    from common_ml.tagging.tags_file.resume import looks_like_tags_file

    refuse_folder(output)
    if not output.is_file() or not output.stat().st_size:
        return
    if kind == "plan":
        with output.open("rb") as file:
            is_kind = b'"common_ml_plan"' in file.read(1000)
    else:
        is_kind = looks_like_tags_file(output)
    if not is_kind:
        raise OutputError(
            f"{str(output)!r} is not a {kind}, and would be overwritten; hint: name another output",
            path=output,
        )


def no_part_in(plan: Plan) -> str:
    """Return why there is no part, as far as this machine can tell."""
    from common_ml.scale.status import has_begun

    if has_begun(plan):
        return f"no film has a part in {plan.parts} yet"
    return f"{plan.parts} does not exist: no shard has begun, or the folder is not mounted here"


def image_of_tasks(
    plan: Plan, plan_file: str, image: str | None, tagger: str | None, bind: list[str]
) -> ImageOptions | None:
    """Return the image of --image.

    Raises:
        ValueError: options contradict each other, or a folder cannot be bound.
    """
    from common_ml.scale.apptainer import TAGGER, ImageOptions, folders_of, image_address

    if image is None:
        if tagger is not None or bind:
            raise ValueError("--tagger and --bind are about an image; hint: name it with --image")
        return None
    tagger = tagger or TAGGER
    if tagger.endswith(".py") and not tagger.startswith("/"):
        raise ValueError(
            f"--tagger is an absolute path in the image, got {tagger!r}: Apptainer does not enter "
            f"the folder of the image; hint: {TAGGER}"
        )
    folders = folders_of(plan, plan_file, map(os.path.abspath, bind))
    parts = "" if "://" in plan.parts else plan.parts
    return ImageOptions(image_address(image), folders, tagger, parts)


def warn_of_unseen(plan: Plan, plan_file: str, mounted: str) -> None:
    """Warn about files that pods find only if the image contains them."""
    names = [plan_file, plan.parts, *(film.path for film in plan.films)]
    unseen = [
        name
        for name in names
        if "://" not in name and not (mounted and Path(name).is_relative_to(mounted))
    ]
    if unseen:
        more = f" and {len(unseen) - 1:,} more" if len(unseen) > 1 else ""
        place = f"below {mounted} (--mount-path)" if mounted else "mounted (--claim)"
        text = f"{unseen[0]}{more}: not {place}, so that pods find it only in the image"
        print_line(Text.assemble(("warning:", "yellow"), f" {printable(text)}"))
