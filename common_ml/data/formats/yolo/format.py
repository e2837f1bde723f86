"""YOLO: a text file of boxes or polygons for each picture, and a YAML file of class names.

Read: a dataset YAML (Ultralytics: `path`, `train`, `val`, `test`, `names`), Darknet's `obj.data`
(CVAT's YOLO 1.1), or a folder with one, or with `classes.txt` beside or in `labels/` (Label Studio,
LabelImg). `train` and the others are folders, lists of pictures (.txt), or several of these; labels
are in `labels/` for `images/`, or beside the pictures. Lines are `class x y width height` or
`class x y x y x y ...`, a polygon; in shares of the picture, separated by blanks or commas; the
class may be its name. In predictions a confidence and the number of a tracker stand behind it.
With `kpt_shape` in the YAML the numbers behind a box are keypoints. Label files of which there is
no picture are reported.

Kept: picture, label, box, polygon; confidence, track and `attributes["keypoints"]` when read; the
part in `metadata["split"]`.

Lost: confidence when written (training refuses it), tracks, times, vectors, attributes, ids and
other metadata; corners of an object's further polygons. A box beside a polygon is the box around
it. In a segmentation set a box is written as its four corners. Labels without a place, absent
ones, masks in a segmentation set, and videos and sounds are skipped. Label files of pictures
without objects are empty. Pictures that are found are copied (or linked); those that are not
have to be put to the names in `train.txt`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from common_ml.data.formats.shared.media import MediaFiles, other_names
from common_ml.data.formats.shared.named_paths import is_file
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.stills import (
    TOO_LONG,
    UniqueNames,
    is_too_long,
    place_picture,
    split_of,
    stills,
)
from common_ml.data.formats.yolo.dataset_file import SPLITS, open_dataset, written_dataset
from common_ml.data.formats.yolo.label_files import label_file
from common_ml.data.formats.yolo.lines import annotations_of, line_of
from common_ml.data.record import Record
from common_ml.data.report import Report
from common_ml.utils.whole_file import staging

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.types import StrPath

NAME = "yolo"
Task = Literal["detect", "segment", "auto"]


def read(
    source: StrPath,
    *,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the pictures of a dataset, part by part, in order.

    Args:
        source: The YAML file, or the folder.
        on_error: Whether a line that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the pictures are; by default where the dataset says.
        download: Fetch pictures from addresses that are not found there.

    Raises:
        FormatError: an invalid line, with its file and number.
        MissingExtraError: PyYAML is not installed.
        OSError: a file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    dataset = open_dataset(Path(source), policy)
    for picture in dataset.pictures:
        annotations = annotations_of(picture.labels, dataset, policy)
        with policy:
            record = Record(
                media=os.fspath(picture.path) if is_file(picture.path) else picture.name,
                kind="image",
                annotations=tuple(annotations),
                metadata={"split": picture.split} if picture.split else {},
            )
            yield media.finished(record)


def write(
    records: Iterable[Record],
    target: StrPath,
    *,
    task: Task = "auto",
    labels: Sequence[str] = (),
    copy_images: bool = True,
    media_root: StrPath | None = None,
) -> Report:
    """Write `data.yaml`, `images/`, `labels/` and the lists of pictures.

    Args:
        records: Pictures; `metadata["split"]` says which part one belongs to, by default `train`.
        target: A folder, created if it is missing.
        task: "detect" writes boxes, "segment" polygons, "auto" polygons if there is one.
        labels: Class names in the order of their numbers; others follow in alphabetical order.
        copy_images: Whether pictures that are found are put into `images/`, linked where possible.
        media_root: Where the pictures are.

    Raises:
        OSError: a file cannot be written; nothing of the target has changed.
        ValueError: an unknown task.
    """
    if task not in get_args(Task):
        raise ValueError(f"task must be one of {', '.join(get_args(Task))}, got {task!r}")
    report = Report()
    media = MediaFiles(media_root)
    known = list(stills(records, media, report, needs_size=False))
    if task == "auto":
        has_polygon = any(one.polygon for record in known for one in record.annotations)
        task = "segment" if has_polygon else "detect"
    found = {one.label for record in known for one in record.annotations if one.value}
    names = [*dict.fromkeys(labels), *sorted(found - set(labels))]
    numbers = {name: number for number, name in enumerate(names)}
    unique = {split: UniqueNames() for split in map(split_of, known)}
    with staging(target) as stage:
        lists: dict[str, list[str]] = {split: [] for split in unique} or {"train": []}
        for record in known:
            split = split_of(record)
            name = f"{split}/{unique[split].of(record.media)}"
            if is_too_long(name):
                report.skip(record.id, TOO_LONG)
                continue
            lists[split].append(f"./images/{name}")
            text = (line_of(one, numbers, task, record, report) for one in record.annotations)
            _write_text(stage / label_file(Path("images") / name), "".join(text))
            path = media.find(record.media, *other_names(record)) if copy_images else None
            if path is not None:
                place_picture(path, stage / "images" / name)
            elif copy_images:
                report.warn("some pictures were not found: put them to the names in the lists")
            report.written += 1
        for split, lines in lists.items():
            _write_text(stage / f"{split}.txt", "".join(f"{line}\n" for line in lines))
        # training needs both: without its own part, validation uses the same pictures
        parts = {split: f"{split}.txt" for split in sorted(lists, key=_order)}
        _write_text(stage / "data.yaml", written_dataset(parts, names))
    return report


def _order(split: str) -> tuple[int, str]:
    return (SPLITS.index(split) if split in SPLITS else len(SPLITS), split)


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
