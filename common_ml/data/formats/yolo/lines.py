"""Convert between lines of YOLO's label files and annotations."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.data.formats.shared.encodings import as_utf8
from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.named_paths import is_file
from common_ml.data.record import Annotation, Box

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from common_ml.data.formats.shared.policy import ErrorPolicy
    from common_ml.data.formats.yolo.dataset_file import YoloDataset
    from common_ml.data.record import Mask, Record
    from common_ml.data.report import Report


WITH_CONFIDENCE = "number behind the corners of a polygon: taken as its confidence"


def annotations_of(path: Path, dataset: YoloDataset, policy: ErrorPolicy) -> Iterator[Annotation]:
    """Yield the annotations of a label file; none where it is missing."""
    if not is_file(path):
        return
    lines = as_utf8(path.read_bytes()).decode("utf-8-sig", errors="replace").splitlines()
    rows = [(number, _cells(line)) for number, line in enumerate(lines, 1) if line.strip()]
    tracked = {len(cells) for _, cells in rows if _is_track(cells[-1])}
    for number, cells in rows:
        with policy:
            item = Item({}, os.fspath(path), f"line {number}")
            yield _annotation(cells, item, dataset, policy, tracked=len(cells) in tracked)


def _cells(line: str) -> list[str]:
    """Return the class and the numbers of a line, which commas may separate.

    A class may be a name, with blanks in it.
    """
    cells = line.replace(",", " ").split()
    numbers = len(cells)
    while numbers > 1 and _is_number(cells[numbers - 1]):
        numbers -= 1
    # numbers is the place of the last cell that is none, or of the class
    first = numbers if numbers > 1 and not _is_number(cells[0]) else 1
    return [" ".join(cells[:first]), *cells[first:]]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_track(text: str) -> bool:
    """Whether a last number is one that a tracker gave: no share of a picture is whole and > 1."""
    return text.isascii() and text.isdigit() and int(text[:20]) > 1


def _annotation(
    texts: list[str], item: Item, dataset: YoloDataset, policy: ErrorPolicy, *, tracked: bool
) -> Annotation:
    label = _label(texts[0], item, dataset)
    places = [_number(text, item) for text in texts[1:]]
    known: dict[str, Any] = {}
    keypoints = dataset.keypoint_numbers
    if tracked and not keypoints and len(places) != 4:  # `x y width height` in pixels
        known["track"] = texts[-1]
        places = places[:-1]
    if keypoints:
        if len(places) < 4 + keypoints:
            raise item.error(f"must have {5 + keypoints} numbers, got {len(texts)}")
        known["attributes"] = {"keypoints": places[4 : 4 + keypoints]}
        rest = texts[5 + keypoints :]
        if rest and _is_track(rest[-1]):
            known["track"] = rest.pop()
        if rest:
            known["confidence"] = _number(rest[0], item)
        places = places[:4]
    if len(places) % 2 and (len(places) == 5 or len(places) >= 7):
        known["confidence"] = places.pop()
        if len(places) > 4:
            policy.repair(WITH_CONFIDENCE)
    with item.building():
        if len(places) == 4:
            x, y, width, height = places
            box = policy.cut(
                policy.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            )
            return Annotation(label, box=box, **known)
        if len(places) < 6:
            raise item.error(
                "must be `class x y width height` or `class x y x y x y ...`, got "
                f"{len(texts)} numbers"
            )
        corners = tuple(zip(places[::2], places[1::2], strict=True))
        return Annotation(label, polygon=policy.cut_polygon(corners), **known)


def _label(text: str, item: Item, dataset: YoloDataset) -> str:
    """Return the name of a class, which is a number or the name itself."""
    if not _is_number(text):
        if text in dataset.names.values():
            return text
        raise item.error(f"must be numbers, got {text!r:.80}", field="class")
    number = _number(text, item)
    if number != int(number) or int(number) not in dataset.names:
        raise item.error(
            f"there is no class {text} in {dataset.path.name}, which has {len(dataset.names)}",
            field="class",
        )
    return dataset.names[int(number)]


def _number(text: str, item: Item) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise item.error(f"must be numbers, got {text!r:.80}") from error
    if not math.isfinite(value):
        raise item.error(f"must be finite numbers, got {text!r}")
    return value


def line_of(
    annotation: Annotation,
    numbers: Mapping[str, int],
    task: str,
    record: Record,
    report: Report,
) -> str:
    """Return the line of an annotation; "" where it cannot be written, which is reported."""
    name = record.id
    if not annotation.value:
        report.skip(name, f"YOLO cannot say that {annotation.label!r} is absent")
        return ""
    corners = annotation.polygon
    box = annotation.bounds()
    if box is None and annotation.mask is not None and annotation.mask.counts and task == "detect":
        box = _bounds(annotation.mask)
    if box is None:
        what = "a label without place" if annotation.mask is None else "a mask without polygon"
        report.skip(name, f"{annotation.label!r} is {what}, which YOLO cannot hold")
        return ""
    for lost in ("confidence", "track", "attributes", "start_seconds", "frame_index", "vector"):
        if getattr(annotation, lost) not in (None, "", {}):
            report.warn(f"{lost} of annotations is not kept: YOLO has no place for it")
    if task == "detect":
        values = [
            (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, box.x2 - box.x1, box.y2 - box.y1,
        ]  # fmt: skip
    else:
        if corners is None:
            corners = ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2))
        values = [value for point in corners for value in point]
    return f"{numbers[annotation.label]} {' '.join(map(_text, values))}\n"


def _bounds(mask: Mask) -> Box | None:
    """Return the bounding box of a mask, 0..1; None for an empty one."""
    inside = mask.to_array()
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    height, width = inside.shape
    return Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1).scaled(1 / width, 1 / height)


def _text(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".") or "0"
