"""FiftyOne: a folder with detections or classes of pictures, as its importers take it.

    fiftyone.Dataset.from_dir(folder, dataset_type=fiftyone.types.FiftyOneImageDetectionDataset)

Read: `labels.json` (or the file itself) of a FiftyOneImageDetectionDataset or a
FiftyOneImageClassificationDataset: `classes`, and `labels` by the name of a picture without its
extension. Pictures are those in `data/`, or where `data.json` says. Boxes are left, top, width,
height in shares of the picture.

Kept: picture, label, box, confidence, attributes; labels without a place
(`task="classification"`).

Lost: polygons and masks (the box around them stays), tracks, times, vectors, ids and metadata,
with a warning. Absent labels, labels that the task has no place for, and videos and sounds are
skipped. Pictures that are found are copied (or linked) into `data/`, where importers look first;
`data.json` names all of them where they are, for `from_dir(..., data_path="data.json")`.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, get_args

from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.json_file import load_json
from common_ml.data.formats.shared.media import MediaFiles, other_names
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.stills import UniqueNames, place_picture, stills
from common_ml.data.formats.shared.stray import data_files
from common_ml.data.json_text import json_bytes
from common_ml.data.record import Annotation, Record
from common_ml.data.report import Report
from common_ml.utils.whole_file import staging

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.types import StrPath

NAME = "fiftyone"
Task = Literal["detection", "classification"]
_KNOWN = {"label", "bounding_box", "confidence", "attributes"}


def read(
    source: StrPath,
    *,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the pictures of a folder, in the order of its `labels.json`.

    Args:
        source: The folder, or its `labels.json`.
        on_error: Whether a label that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the pictures are; by default in `data/`.
        download: Fetch pictures from addresses that are not found there.

    Raises:
        FormatError: not such a file, or a wrong value.
        OSError: a file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    path = Path(source)
    path = path / "labels.json" if path.is_dir() else path
    root = Item(_object(load_json(path), path), os.fspath(path))
    if "labels" not in root:
        raise root.error("is missing: must be an object by the names of pictures", field="labels")
    classes = root.listed("classes")
    places = _pictures(path.parent)
    for number, (name, value) in enumerate(root.mapping("labels").items(), 1):
        item = Item({"labels": value}, os.fspath(path), f"item {number} of labels")
        with policy:
            annotations = tuple(_annotations(item, classes, policy))
            with item.building():
                record = Record(media=places.get(name, name), kind="image", annotations=annotations)
            yield media.finished(record)


def write(
    records: Iterable[Record],
    target: StrPath,
    *,
    task: Task = "detection",
    copy_images: bool = True,
    media_root: StrPath | None = None,
) -> Report:
    """Write `labels.json`, `data/`, and `data.json` with the paths of the pictures.

    Args:
        records: Pictures.
        target: A folder, created if it is missing.
        task: "detection" writes what has a box, "classification" the labels of whole pictures.
        copy_images: Whether pictures that are found are put into `data/`, linked where possible.
        media_root: Where the pictures are.

    Raises:
        OSError: a file cannot be written; nothing of the target has changed.
        ValueError: an unknown task.
    """
    if task not in get_args(Task):
        raise ValueError(f"task must be one of {', '.join(get_args(Task))}, got {task!r}")
    report = Report()
    media = MediaFiles(media_root)
    names = UniqueNames()
    paths: dict[str, str] = {}
    copies: dict[str, Path] = {}
    labels: dict[str, list[dict[str, Any]] | None] = {}
    for record in stills(records, media, report, needs_size=False):
        name = str(PurePosixPath(names.of(record.media)).with_suffix(""))
        found = media.find(record.media, *other_names(record))
        paths[name] = record.media if found is None else os.fspath(found.resolve())
        if found is not None and copy_images:
            copies[f"{name}{found.suffix}"] = found
        if record.metadata:
            report.warn("metadata of pictures is not kept: FiftyOne has no place for it here")
        objects = (_object_of(one, task, record, report) for one in record.annotations)
        labels[name] = [one for one in objects if one is not None] or None
        report.written += 1
    if 0 < len(copies) < len(paths):
        report.warn("some pictures were not found: put them into data/ under their names")
    classes = sorted({one["label"] for found in labels.values() for one in found or ()})
    with staging(target) as stage:
        for name, path in copies.items():
            place_picture(path, stage / "data" / name)
        (stage / "data.json").write_bytes(json_bytes(paths, newline=True))
        document = {"classes": classes, "labels": labels}
        (stage / "labels.json").write_bytes(json_bytes(document, newline=True))
    return report


def _object(data: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise Item({}, os.fspath(path)).error(
            f"must be an object with classes and labels, got {type(data).__name__}", field="labels"
        )
    return data


def _pictures(folder: Path) -> dict[str, str]:
    """Name, with and without extension -> path."""
    manifest = folder / "data.json"
    if manifest.is_file():
        item = Item(_object(load_json(manifest), manifest), os.fspath(manifest))
        return {name: item.text(name) for name in item.data}
    data = folder / "data"
    files = data_files(data, "**/*")
    places = {one.relative_to(data).with_suffix("").as_posix(): os.fspath(one) for one in files}
    return {**{one.relative_to(data).as_posix(): os.fspath(one) for one in files}, **places}


def _annotations(item: Item, classes: list[Any], policy: ErrorPolicy) -> Iterator[Annotation]:
    """Yield a label, several labels, or objects; none where it is null."""
    value = item.get("labels")
    values = value if isinstance(value, list) else [] if value is None else [value]
    for number, one in enumerate(values):
        with policy:
            data = one if isinstance(one, dict) else {"label": one}
            yield _annotation(Item(data, item.path, item.place, f"[{number}]"), classes, policy)


def _annotation(item: Item, classes: list[Any], policy: ErrorPolicy) -> Annotation:
    label = item.get("label")
    if isinstance(label, int) and not isinstance(label, bool):
        if not 0 <= label < len(classes):
            raise item.error(f"there is no class {label} of {len(classes)}", field="label")
        label = classes[label]
    if not isinstance(label, str):
        raise item.error(f"must be a text or number, got {label!r:.80}", field="label")
    attributes = dict(item.mapping("attributes"))
    attributes |= {key: one for key, one in item.data.items() if key not in _KNOWN}
    box = None
    with item.building():
        if "bounding_box" in item:
            numbers = item.listed("bounding_box")
            if len(numbers) != 4 or not all(_is_number(one) for one in numbers):
                raise item.error(
                    f"must be [left, top, width, height], got {numbers!r:.80}", field="bounding_box"
                )
            x, y, width, height = numbers
            box = policy.cut(policy.box(x, y, x + width, y + height))
        return Annotation(
            label, box=box, confidence=item.number_or_none("confidence"), attributes=attributes
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _object_of(
    annotation: Annotation, task: Task, record: Record, report: Report
) -> dict[str, Any] | None:
    box = annotation.bounds()
    if not annotation.value:
        report.skip(record.id, f"FiftyOne cannot say that {annotation.label!r} is absent")
        return None
    if (box is None) == (task == "detection"):
        what = "no box" if box is None else "a box"
        report.skip(record.id, f"{annotation.label!r} has {what}, and the task is {task}")
        return None
    for lost in ("polygon", "mask", "track", "start_seconds", "frame_index", "vector"):
        if getattr(annotation, lost) not in (None, ""):
            report.warn(f"{lost} of annotations is not kept: FiftyOne has no place for it here")
    made: dict[str, Any] = {"label": annotation.label}
    if box is not None:
        made["bounding_box"] = [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1]
    if annotation.confidence is not None:
        made["confidence"] = annotation.confidence
    if annotation.attributes:
        made["attributes"] = dict(annotation.attributes)
    return made
