"""A flat table: one annotation a row, every field of ours in a column of its own.

Read: a CSV file with a header; columns by name, in any order, `media` is the only one that must be
there, unknown ones are ignored. Rows of the same `id` (of the same `media` and `frame`, where there
is no id) make one record, wherever they stand. A row whose annotation columns are all empty is a
record without annotations. A `label` alone means that it is there: `value` 1.

Kept: everything that a record holds. `polygon` is JSON ([[x, y], ...]), as are `mask`, `vector`,
`attributes` and `metadata`; numbers are written so that the same ones come back. `frame` and
`time_seconds` are those of a record about one frame, `frame_index` is an annotation's.
Lost: nothing but NUL characters, which CSV cannot hold: such a record is skipped.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.formats.atomic import replacing
from common_ml.data.formats.tables import read_table, require
from common_ml.data.record import Annotation, Box, Mask, Record
from common_ml.data.report import Report

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.items import Item

NAME = "csv"

RECORD_COLUMNS = (
    "id", "media", "kind", "width", "height", "duration_seconds", "unit", "frame", "time_seconds",
    "metadata",
)  # fmt: skip
BOX_COLUMNS = ("x1", "y1", "x2", "y2")
ANNOTATION_COLUMNS = (
    "label", "track", "value", "confidence", *BOX_COLUMNS, "polygon", "mask", "start_seconds",
    "end_seconds", "frame_index", "attributes", "vector",
)  # fmt: skip


def read(source: str | os.PathLike[str]) -> Iterator[Record]:
    """The records of a table, in the order in which they first appear.

    Raises:
        FormatError: no such column, a wrong value, or two rows that tell one record differently.
        OSError: the file cannot be read.
    """
    columns, rows = read_table(source)
    require(source, columns, ["media"])
    records: dict[str, tuple[Record, list[Annotation]]] = {}
    last: tuple[list[Any], str] = ([], "")  # neighbouring rows mostly tell the same record
    for row in rows:
        told = [row.get(name) for name in RECORD_COLUMNS]
        if told != last[0]:
            record = _record_of(row)
            known, _ = records.setdefault(record.id, (record, []))
            if record != known:
                _tell_difference(row, record, known)
            last = (told, record.id)
        annotation = _annotation_of(row)
        if annotation is not None:
            known, annotations = records[last[1]]
            annotations.append(annotation)
            if annotation.bounds() is not None:
                with row.building():  # it has to lie in the picture: told with its line
                    replace(known, annotations=(annotation,))
    for record, annotations in records.values():
        yield replace(record, annotations=tuple(annotations))


def write(records: Iterable[Record], target: str | os.PathLike[str]) -> Report:
    """Write the table.

    Raises:
        OSError: the file cannot be written; what was there before is as it was.
    """
    report = Report()
    with replacing(target) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        table = csv.DictWriter(text, [*RECORD_COLUMNS, *ANNOTATION_COLUMNS])
        table.writeheader()
        for record in records:
            rows = list(_rows_of(record))
            if any("\0" in cell for row in rows for cell in row.values() if isinstance(cell, str)):
                report.skip(record.id, "has a NUL character, which CSV cannot hold")
                continue
            table.writerows(rows)
            report.written += 1
        text.detach()
    return report


def _record_of(row: Item) -> Record:
    with row.building():
        return Record(
            media=row.text("media"),
            kind=row.text("kind", default=""),  # type: ignore[arg-type]  # Record checks it
            width=row.whole_or_none("width"),
            height=row.whole_or_none("height"),
            duration_seconds=row.number_or_none("duration_seconds"),
            metadata=row.json_object("metadata"),
            id=row.text("id", default=""),
            frame_index=row.whole_or_none("frame"),
            time_seconds=row.number_or_none("time_seconds"),
            unit=row.text("unit", default="ratio"),  # type: ignore[arg-type]  # as above
        )


def _annotation_of(row: Item) -> Annotation | None:
    if not any(name in row for name in ANNOTATION_COLUMNS):
        return None
    polygon, mask, vector = (row.json(name) for name in ("polygon", "mask", "vector"))
    for name, value, kind in (("polygon", polygon, list), ("mask", mask, dict)):
        if value is not None and not isinstance(value, kind):
            expected = "a list of [x, y]" if kind is list else "an object"
            raise row.error(f"must be {expected}, got {value!r:.80}", field=name)
    with row.building():
        return Annotation(
            label=row.text("label", default=""),
            track=row.text("track", default=""),
            value=row.whole("value", default=1),
            confidence=row.number_or_none("confidence"),
            box=_box_of(row),
            polygon=_corners(row, polygon),
            mask=None if mask is None else _mask_of(row, mask),
            start_seconds=row.number_or_none("start_seconds"),
            end_seconds=row.number_or_none("end_seconds"),
            frame_index=row.whole_or_none("frame_index"),
            attributes=row.json_object("attributes"),
            vector=_numbers(row, vector),
        )


def _box_of(row: Item) -> Box | None:
    given = [name for name in BOX_COLUMNS if name in row]
    if not given:
        return None
    missing = [name for name in BOX_COLUMNS if name not in given]
    if missing:
        raise row.error("must be given: a box needs x1, y1, x2 and y2", field=missing[0])
    return Box(*(row.number(name) for name in BOX_COLUMNS))


def _corners(row: Item, value: Any) -> tuple[tuple[float, float], ...] | None:
    if value is None:
        return None
    if not all(isinstance(point, list) and len(point) == 2 for point in value):
        raise row.error(f"must be a list of [x, y], got {value!r:.80}", field="polygon")
    return tuple((x, y) for x, y in value)


def _mask_of(row: Item, value: dict[str, Any]) -> Mask:
    try:
        return Mask.from_json(value)
    except TypeError as error:  # a key that it has not, or counts that are no list
        raise row.error(f"is no mask: {error}", field="mask") from error


def _numbers(row: Item, value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, (int, float)) for one in value):
        raise row.error(f"must be a list of numbers, got {value!r:.80}", field="vector")
    return tuple(value)


def _tell_difference(row: Item, record: Record, known: Record) -> None:
    names = {"frame_index": "frame"}
    for name in asdict(known):
        if getattr(record, name) != getattr(known, name):
            raise row.error(
                f"is {getattr(record, name)!r:.80}, and {getattr(known, name)!r:.80} in an earlier"
                f" row of {known.id!r}",
                field=names.get(name, name),
            )


def _rows_of(record: Record) -> Iterator[dict[str, Any]]:
    told = {
        **{name: getattr(record, name) for name in RECORD_COLUMNS if name != "frame"},
        "frame": record.frame_index,
        "metadata": _json(record.metadata or None),
    }
    for annotation in record.annotations:
        box = None if annotation.box is None else asdict(annotation.box)
        plain = annotation.to_json()
        yield {
            **told,
            **{name: getattr(annotation, name) for name in ANNOTATION_COLUMNS[:4]},
            **(box or dict.fromkeys(BOX_COLUMNS)),
            **{name: _json(plain.get(name)) for name in ("polygon", "mask", "vector")},
            "attributes": _json(plain.get("attributes")),
            "start_seconds": annotation.start_seconds,
            "end_seconds": annotation.end_seconds,
            "frame_index": annotation.frame_index,
        }
    if not record.annotations:
        yield told


def _json(value: Any) -> str | None:
    return (
        None if value is None else orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    )
