"""A Masterful folder -> records."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from common_ml.data.formats.items import Item
from common_ml.data.formats.pixels import in_ratio
from common_ml.data.record import Annotation, Box, Mask, Record
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.data.formats.masterful_lines import Task

_EDGES = ("ymin", "xmin", "ymax", "xmax")


def records(folder: Path, task: Task) -> Iterator[Record]:
    """The records of a folder, in order."""
    labels = _label_map(folder / "label_map.csv")
    for item, cells in _lines(folder / "records.csv"):
        media, *rest = cells
        metadata = {}
        if task == "semantic_segmentation":
            if len(rest) != 1:
                raise item.error(f"must be path, mask_path, got {len(cells)} values")
            mask = _resolved(folder, rest[0])
            annotations = _masks(item, mask, labels)
            metadata["label_image"] = mask
        elif task == "object_detection":
            annotations = _boxes(item, rest, labels)
        else:
            annotations = [Annotation(_label(item, one, labels)) for one in rest]
        with item.building():
            record = Record(
                media=_resolved(folder, media),
                kind="image",
                annotations=tuple(annotations),
                metadata=metadata,
                unit="pixel",
            )
        yield in_ratio(record)


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


def _lines(path: Path) -> Iterator[tuple[Item, list[str]]]:
    name = os.fspath(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: is no UTF-8: {error}", path=name) from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            cells = [cell.strip() for cell in line.split(",")]
            item = Item({}, name, f"line {number}")
            if not cells[0]:
                raise item.error("is missing", field="path")
            yield item, cells


def _boxes(item: Item, cells: list[str], labels: dict[int, str]) -> list[Annotation]:
    if len(cells) % 5:
        raise item.error(
            f"must be path, then id, ymin, xmin, ymax, xmax for each box, got {len(cells)} numbers"
        )
    found = []
    for place in range(0, len(cells), 5):
        number, *edges = cells[place : place + 5]
        ymin, xmin, ymax, xmax = (
            _whole(item, edge, name) for edge, name in zip(edges, _EDGES, strict=True)
        )
        with item.building():
            box = Box(xmin, ymin, xmax, ymax)
        found.append(Annotation(_label(item, number, labels), box=box))
    return found


def _masks(item: Item, image: str, labels: dict[int, str]) -> list[Annotation]:
    """One annotation for each id in the mask, if that is on this machine."""
    if not os.path.isfile(image):  # noqa: PTH113 - it may be an address
        return []
    from common_ml.media.images import read_image  # noqa: PLC0415 - loads PyAV and OpenCV

    found = np.unique(read_image(image)[:, :, 0]).tolist()
    return [
        Annotation(
            _label(item, str(number), labels),
            mask=Mask(image=image, index=number),
            attributes={"index": number},
        )
        for number in found
        if number
    ]


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
    return os.fspath(inside) if inside.is_file() else path
