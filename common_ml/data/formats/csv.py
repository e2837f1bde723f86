"""CSV: one annotation per row, one column per field.

Read: a CSV file with a header; columns by name, in any order, `media` is the only one that must be
there, unknown ones are left out with a warning. Rows of the same `id` (of the same `media` and
`frame`, where there is no id) make one record, wherever they stand. A row whose annotation columns
are all empty is a record without annotations. A `label` alone means that it is there: `value` 1.

Tables of others are read, too: `filename`, `image`, `image_id`, `path`, `url` and the like for
`media` (`id` is then the row's, and left out), `class` or `LabelName` for `label`, `start` and
`end` in seconds or hh:mm:ss, and boxes as `xmin, ymin, xmax, ymax`, `left, top, width, height`,
`x_center, y_center, width, height` or `bbox`, a list [x, y, width, height]. Such boxes are 0..1
where none in the file is beyond, and pixels otherwise.

Kept: everything that a record holds. `polygon` is JSON ([[x, y], ...]), as are `mask`, `vector`,
`attributes` and `metadata`; numbers are written so that the same ones come back. `frame` and
`time_seconds` are those of a record about one frame, `frame_index` is an annotation's.
Lost: nothing but NUL characters, which CSV cannot hold: such a record is skipped.
"""

from __future__ import annotations

import csv
import io
import os
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.column_names import columns_of
from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.media_names import names_of_still
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.tables import escaped, read_table, require
from common_ml.data.json_text import json_bytes
from common_ml.data.record import Annotation, Box, Mask, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.shared.column_names import Columns
    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.policy import OnError
    from common_ml.types import StrPath

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
_DECIMALS = (
    *BOX_COLUMNS, "confidence", "duration_seconds", "time_seconds", "start_seconds", "end_seconds",
)  # fmt: skip
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
VIA = "region_shape_attributes"
"""Column of VGG Image Annotator."""
MEDIA_HINT = (
    "the first line must name the columns: media (or filename, image, image_id, path, video, url, "
    "...), label, x1, y1, x2, y2, start_seconds, end_seconds"
)
DECIMAL_COMMA = "row with decimal commas: read as points"


def read(
    source: StrPath,
    *,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the records of a table, in the order in which they first appear.

    Args:
        source: The CSV file.
        on_error: Whether a row that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the media are.
        download: Fetch media from addresses that are not found there.

    Raises:
        FormatError: a column is missing, an invalid value, or rows of one record that contradict.
        OSError: the file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    known = (*RECORD_COLUMNS, *ANNOTATION_COLUMNS)
    columns, rows = read_table(source, policy, known=known)
    if VIA in columns:
        raise FormatError(
            f"{os.fspath(source)}: line 1, {VIA}: shapes as VGG Image Annotator's table has "
            "them are not read; hint: export COCO from it",
            path=source,
            place="line 1",
            field=VIA,
        )
    found = columns_of(columns, known)
    if "media" not in found.names:
        require(source, columns, ["media"], hint=MEDIA_HINT)
    others = [one for one in columns if one and one not in found.read]
    if others:
        policy.report.warn(f"columns that are not read: {', '.join(others)}")
    rows = found.rows((_with_decimal_points(row, policy, found) for row in rows), policy)
    return _records(rows, policy, MediaFiles(media_root, download=download, policy=policy))


def _with_decimal_points(row: Item, policy: ErrorPolicy, columns: Columns) -> Item:
    """Return the row with `0.5` for `0,5`; `1,234` may be a thousand, and stays."""
    box = columns.box if len(columns.box) == 4 else ()
    found = {
        name: text.replace(",", ".")
        for name in (*(columns.names.get(one, one) for one in _DECIMALS), *box)
        if "," in (text := row.get(name) or "")
        and _DECIMAL_COMMA.fullmatch(text)
        and not _THOUSANDS.fullmatch(text)
    }
    if not found:
        return row
    policy.repair(DECIMAL_COMMA)
    return replace(row, data={**row.data, **found})


def _records(rows: Iterable[Item], policy: ErrorPolicy, media: MediaFiles) -> Iterator[Record]:
    records: dict[str, tuple[Record, list[Annotation]]] = {}
    last: tuple[list[Any], str] = ([], "")  # neighbouring rows are mostly of one record
    for row in rows:
        with policy:
            cells = [row.get(name) for name in RECORD_COLUMNS]
            if cells != last[0]:
                record = _record_of(row, policy)
                known, _ = records.setdefault(record.id, (record, []))
                if record != known:
                    _refuse_difference(row, record, known)
                last = (cells, record.id)
            annotation = _annotation_of(row, policy)
            if annotation is not None:
                known, annotations = records[last[1]]
                if annotation.bounds() is not None and known.unit == "ratio":
                    annotation = policy.inside(annotation)
                    with row.building():  # it has to lie in the picture
                        replace(known, annotations=(annotation,))
                annotations.append(annotation)
    for record, annotations in records.values():
        finished = None
        with policy:
            names = names_of_still(record.media) if record.kind == "image" else ()
            whole = replace(record, annotations=tuple(annotations))
            finished = media.finished(whole, names=names)
        if finished is not None:
            yield finished


def write(records: Iterable[Record], target: StrPath, *, escape_formulas: bool = False) -> Report:
    """Write the table.

    Args:
        records: Anything.
        target: The file.
        escape_formulas: Put `'` before texts that a spreadsheet would run as a formula.

    Raises:
        OSError: the file cannot be written; the old file is unchanged.
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
            table.writerows(map(escaped, rows) if escape_formulas else rows)
            report.written += 1
        text.detach()
    return report


def _record_of(row: Item, policy: ErrorPolicy) -> Record:
    metadata: dict[str, Any] = {}
    with policy:
        metadata = row.json_object("metadata")
    with row.building():
        return Record(
            media=row.text("media"),
            kind=row.text("kind", default=""),  # type: ignore[arg-type]  # Record checks it
            width=row.whole_or_none("width"),
            height=row.whole_or_none("height"),
            duration_seconds=row.number_or_none("duration_seconds"),
            metadata=metadata,
            id=row.text("id", default=""),
            frame_index=row.whole_or_none("frame"),
            time_seconds=row.number_or_none("time_seconds"),
            unit=row.text("unit", default="ratio"),  # type: ignore[arg-type]  # as above
        )


def _annotation_of(row: Item, policy: ErrorPolicy) -> Annotation | None:
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
            box=_box_of(row, policy),
            polygon=_corners(row, polygon),
            mask=None if mask is None else _mask_of(row, mask),
            start_seconds=row.number_or_none("start_seconds"),
            end_seconds=row.number_or_none("end_seconds"),
            frame_index=row.whole_or_none("frame_index"),
            attributes=row.json_object("attributes"),
            vector=_numbers(row, vector),
        )


def _box_of(row: Item, policy: ErrorPolicy) -> Box | None:
    given = [name for name in BOX_COLUMNS if name in row]
    if not given:
        return None
    missing = [name for name in BOX_COLUMNS if name not in given]
    if missing:
        raise row.error("must be given: a box needs x1, y1, x2 and y2", field=missing[0])
    return policy.box(*(row.number(name) for name in BOX_COLUMNS))


def _corners(row: Item, value: Any) -> tuple[tuple[float, float], ...] | None:
    if value is None:
        return None
    if not all(isinstance(point, list) and len(point) == 2 for point in value):
        raise row.error(f"must be a list of [x, y], got {value!r:.80}", field="polygon")
    return tuple((x, y) for x, y in value)


def _mask_of(row: Item, value: dict[str, Any]) -> Mask:
    try:
        return Mask.from_json(value)
    except TypeError as error:  # an unknown key, or counts that are not a list
        raise row.error(f"invalid mask: {error}", field="mask") from error


def _numbers(row: Item, value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, (int, float)) for one in value):
        raise row.error(f"must be a list of numbers, got {value!r:.80}", field="vector")
    return tuple(value)


def _refuse_difference(row: Item, record: Record, known: Record) -> None:
    names = {"frame_index": "frame"}
    for name in asdict(known):
        if getattr(record, name) != getattr(known, name):
            raise row.error(
                f"is {getattr(record, name)!r:.80}, and {getattr(known, name)!r:.80} in an earlier"
                f" row of {known.id!r}",
                field=names.get(name, name),
            )


def _rows_of(record: Record) -> Iterator[dict[str, Any]]:
    common = {
        **{name: getattr(record, name) for name in RECORD_COLUMNS if name != "frame"},
        "frame": record.frame_index,
        "metadata": _json(record.metadata or None),
    }
    for annotation in record.annotations:
        box = None if annotation.box is None else asdict(annotation.box)
        plain = annotation.to_json()
        yield {
            **common,
            **{name: getattr(annotation, name) for name in ANNOTATION_COLUMNS[:4]},
            **(box or dict.fromkeys(BOX_COLUMNS)),
            **{name: _json(plain.get(name)) for name in ("polygon", "mask", "vector")},
            "attributes": _json(plain.get("attributes")),
            "start_seconds": annotation.start_seconds,
            "end_seconds": annotation.end_seconds,
            "frame_index": annotation.frame_index,
        }
    if not record.annotations:
        yield common


def _json(value: Any) -> str | None:
    return None if value is None else json_bytes(value).decode()
