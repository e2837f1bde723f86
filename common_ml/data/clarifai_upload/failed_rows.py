"""Write the failed records as files that can be uploaded again."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from common_ml.data.clarifai_upload.local_files import is_local, local_path
from common_ml.data.formats.clarifai.json_files import object_of
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from common_ml.data.formats.clarifai.inputs import Input
    from common_ml.types import StrPath

EDGES = ("left_col", "top_row", "right_col", "bottom_row")


@dataclass(frozen=True)
class Failed:
    """An input to upload again."""

    rest: Input
    """With the annotations that are still missing."""
    error: str
    """Why it failed."""


def write_failed(
    failed: Sequence[Failed], target: StrPath, *, media_root: Path | None
) -> list[Path]:
    """Write a CSV, and a JSON file beside it for what a CSV cannot hold; return the paths.

    Relative paths become absolute ones unless they start in the folder of the target.
    """
    path = Path(target)
    moved = [replace(one, rest=_readable_from(path.parent, one.rest, media_root)) for one in failed]
    fit, unfit = _parted(moved)
    written = []
    if fit:
        with replacing(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            csv.writer(text, lineterminator="\n").writerows(_table(fit))
            text.detach()
        written.append(path)
    if unfit:
        beside = path.with_suffix(".json")
        data = {"inputs": [object_of(one.rest) for one in unfit]}
        with replacing(beside) as file:
            file.write(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        written.append(beside)
    return written


def _readable_from(folder: Path, one: Input, media_root: Path | None) -> Input:
    start = media_root or Path()
    if not is_local(one.url) or folder.resolve() == start.resolve():
        return one
    return replace(one, url=os.fspath(local_path(one.url, start).absolute()))


def _parted(failed: Iterable[Failed]) -> tuple[list[Failed], list[Failed]]:
    """Split into those that a CSV can hold, and the others."""
    parts: tuple[list[Failed], list[Failed]] = ([], [])
    urls: set[str] = set()
    for one in failed:
        # rows of one url are one input, so a second input of it needs another file
        fits = one.rest.url not in urls and all(map(_is_plain, _names(one.rest)))
        fits = fits and one.rest.url == one.rest.url.strip()
        parts[0 if fits else 1].append(one)
        if fits:
            urls.add(one.rest.url)
    return parts


def _names(one: Input) -> Iterator[str]:
    yield from one.concepts
    for region in one.regions:
        yield from region.concepts


def _is_plain(name: str) -> bool:
    return name == name.strip() and name != "" and not {*"|\0"} & {*name}


def _table(failed: Sequence[Failed]) -> Iterator[Sequence[str | float]]:
    edges = EDGES if any(one.rest.regions for one in failed) else ()
    yield ["url", *edges, "pos_concepts", "neg_concepts", "metadata", "input_id", "error"]
    for one in failed:
        rest = one.rest
        ends = [orjson.dumps(dict(rest.metadata)).decode(), rest.id, one.error]
        if rest.concepts or not rest.regions:
            yield [rest.url, *("" for _ in edges), *_joined(rest.concepts), *ends]
        for region in rest.regions:
            box = region.box
            sides = (box.x1, box.y1, box.x2, box.y2)
            yield [rest.url, *sides, *_joined(region.concepts), *ends]


def _joined(concepts: dict[str, int]) -> list[str]:
    return ["|".join(name for name, value in concepts.items() if value == v) for v in (1, 0)]
