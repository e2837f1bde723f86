"""Read a Masterful folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from common_ml.data.formats.shared.encodings import as_utf8
from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.named_paths import is_file
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.record import Annotation, Mask, Record
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.data.formats.masterful.entries import Task
    from common_ml.data.formats.shared.media import MediaFiles

_EDGES = ("ymin", "xmin", "ymax", "xmax")


def records(folder: Path, task: Task, policy: ErrorPolicy, media: MediaFiles) -> Iterator[Record]:
    """Yield the records of a folder, in order."""
    labels = _label_map(folder / "label_map.csv")
    for item, cells in _lines(folder / "records.csv", policy):
        record = None
        with policy:
            record = media.finished(_record(item, cells, folder, task, labels, policy))
        if record is not None:
            yield record


def _record(
    item: Item,
    cells: list[str],
    folder: Path,
    task: Task,
    labels: dict[int, str],
    policy: ErrorPolicy,
) -> Record:
    media, *rest = cells
    metadata = {}
    if task == "semantic_segmentation":
        if len(rest) != 1:
            raise item.error(f"must be path, mask_path, got {len(cells)} values")
        mask = _resolved(folder, rest[0])
        annotations = _masks(item, mask, labels, policy)
        metadata["label_image"] = mask
    elif task == "object_detection":
        annotations = _boxes(item, rest, labels, policy)
    else:
        annotations = []
        for one in rest:
            with policy:
                annotations.append(Annotation(_label(item, one, labels)))
    with item.building():
        return Record(
            media=_resolved(folder, media),
            kind="image",
            annotations=tuple(annotations),
            metadata=metadata,
            unit="pixel",
        )


def _label_map(path: Path) -> dict[int, str]:
    labels: dict[int, str] = {}
    for item, cells in _lines(path):
        if len(cells) != 2:
            raise item.error(f"must be id, label, got {len(cells)} values")
        number = _whole(item, cells[0], "id")
        if number in labels:
            raise item.error(f"there are two labels of id {number}", field="id")
        labels[number] = cells[1]
    return labels


def _lines(path: Path, policy: ErrorPolicy | None = None) -> Iterator[tuple[Item, list[str]]]:
    name = os.fspath(path)
    try:
        text = (
            as_utf8(path.read_bytes()).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        )
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: not UTF-8: {error}", path=name) from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            cells = [cell.strip() for cell in line.split(",")]
            item = Item({}, name, f"line {number}")
            if cells[0]:
                yield item, cells
            else:
                (policy or ErrorPolicy()).fail(item.error("is missing", field="path"))


def _boxes(
    item: Item, cells: list[str], labels: dict[int, str], policy: ErrorPolicy
) -> list[Annotation]:
    if len(cells) % 5:
        raise item.error(
            f"must be path, then id, ymin, xmin, ymax, xmax for each box, got {len(cells)} numbers"
        )
    found = []
    for place in range(0, len(cells), 5):
        with policy:
            number, *edges = cells[place : place + 5]
            ymin, xmin, ymax, xmax = (
                _whole(item, edge, name) for edge, name in zip(edges, _EDGES, strict=True)
            )
            with item.building():
                box = policy.box(xmin, ymin, xmax, ymax)
            found.append(Annotation(_label(item, number, labels), box=box))
    return found


def _masks(item: Item, image: str, labels: dict[int, str], policy: ErrorPolicy) -> list[Annotation]:
    """Return one annotation for each id in the mask, if that is a local file."""
    if not os.path.isfile(image):  # noqa: PTH113 - it may be an address
        return []
    from common_ml.media.images import read_image

    found = np.unique(read_image(image)[:, :, 0]).tolist()
    made = []
    for number in found:
        if number:
            with policy:
                label = _label(item, str(number), labels)
                mask = Mask(image=image, index=number)
                made.append(Annotation(label, mask=mask, attributes={"index": number}))
    return made


def _label(item: Item, cell: str, labels: dict[int, str]) -> str:
    number = _whole(item, cell, "id")
    if number not in labels:
        raise item.error(f"{number} is not in label_map.csv", field="id")
    return labels[number]


def _whole(item: Item, cell: str, field: str) -> int:
    try:
        return int(cell)
    except ValueError as error:
        raise item.error(f"must be a whole number, got {cell!r:.40}", field=field) from error


def _resolved(folder: Path, path: str) -> str:
    inside = folder / path
    return os.fspath(inside) if is_file(inside) else path
