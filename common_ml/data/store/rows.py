"""Convert between records and stored rows: one per annotation, one per record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.json_file import parse_json
from common_ml.data.geometry import Box
from common_ml.data.json_text import json_bytes, json_value
from common_ml.data.record import Annotation, Record
from common_ml.errors import DatasetError
from common_ml.tagging.confidence import CONFIDENCE_KEY, confidence_of, is_confidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from common_ml.data.store.verdicts import Verdicts

COLUMNS = {
    "source": "VARCHAR",  # source file
    "key": "VARCHAR",  # id of its record; NULL: the media
    "media": "VARCHAR",
    "frame": "BIGINT",
    "label": "VARCHAR",  # NULL: not an annotation but the record's header
    "track": "VARCHAR",
    "value": "TINYINT",
    "start_time": "BIGINT",  # milliseconds
    "end_time": "BIGINT",
    "x1": "DOUBLE",
    "y1": "DOUBLE",
    "x2": "DOUBLE",
    "y2": "DOUBLE",
    "info": "VARCHAR",  # JSON: additional_info, or attributes and confidence
    "vector": "DOUBLE[]",
    "annotation": "VARCHAR",  # JSON: all of it, where it does not come from a tags file
    "header": "VARCHAR",  # JSON: the record without its annotations, likewise
    "uid": "UBIGINT",  # two rows of a record that have the same count once
}
"""Column -> DuckDB type."""

REPEATED = ("info", "start_time", "end_time", "x1", "y1", "x2", "y2", "vector")
"""Columns that duplicate, for queries, what is in `annotation`."""
READ = tuple(name for name in COLUMNS if name not in {"key", "header"})
"""Columns that `record_of` reads."""

SCALE_LIMIT = 2.0
"""A box of a tags file with edges outside -1..2 is taken to be in pixels."""


def arrow_schema() -> pa.Schema:
    """Return the columns as an Arrow schema."""
    import pyarrow as pa

    types = {
        "VARCHAR": pa.string(),
        "BIGINT": pa.int64(),
        "TINYINT": pa.int8(),
        "DOUBLE": pa.float64(),
        "DOUBLE[]": pa.list_(pa.float64()),
        "UBIGINT": pa.uint64(),
    }
    return pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])


def rows_of(record: Record, *, source: str, first_uid: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a record: its header, then its annotations."""
    header = {name: value for name, value in record.to_json().items() if name != "annotations"}
    start = {"source": source, "key": record.id, "media": record.media}
    yield {
        **start,
        "frame": record.frame_index,
        "header": json_bytes(header).decode(),
        "uid": first_uid,
    }
    for number, one in enumerate(record.annotations, start=first_uid + 1):
        info = dict(one.attributes)
        if one.confidence is not None:
            info[CONFIDENCE_KEY] = one.confidence
        frame = record.frame_index if one.frame_index is None else one.frame_index
        bounds = one.bounds()
        edges = {} if bounds is None else dict(vars(bounds))
        yield {
            **start,
            **edges,
            "frame": frame,
            "label": one.label,
            "track": one.track,
            "value": one.value,
            "start_time": _milliseconds(one.start_seconds),
            "end_time": _milliseconds(one.end_seconds),
            "info": json_bytes(info).decode() if info else None,
            "vector": one.vector,
            "annotation": json_bytes(one.to_json()).decode(),
            "uid": number,
        }


def record_of(
    rows: Sequence[Mapping[str, Any]],
    *,
    header: str | None,
    kind: str,
    frame: int | None,
    verdicts: Verdicts,
) -> Record:
    """Build a record from its rows, at least one.

    Args:
        rows: In order; equal rows of a tags file count once.
        header: Header of the record, or of the video that it is a frame of.
        kind: Kind of the media by its name.
        frame: The frame that the record is about; None: the whole file.
        verdicts: What reviewers said about its annotations.
    """
    known = json_value(header) if header is not None else {}
    annotations: list[Annotation] = []
    seen: set[int] = set()
    for row in rows:
        if row["label"] is not None and row["uid"] not in seen:
            seen.add(row["uid"])
            annotations.append(verdicts.added_to(annotation_of(row), row))
    given = {"media": rows[0]["media"], "kind": kind, **known}
    if frame is not None and "frame_index" not in known:
        given["frame_index"] = frame
        if "id" in known:
            given["id"] = f"{known['id']}#{frame}"
    if frame is not None and "time_seconds" not in known:
        given["time_seconds"] = _time_of(annotations, frame)
    return Record(**given, annotations=tuple(annotations))


def annotation_of(row: Mapping[str, Any]) -> Annotation:
    """Convert a row to an annotation.

    Raises:
        DatasetError: a box is in pixels.
    """
    if row["annotation"] is not None:
        return Annotation.from_json(json_value(row["annotation"]))
    info = None if row["info"] is None else _parsed(row["info"])
    attributes = dict(info) if isinstance(info, dict) else {}
    confidence = confidence_of(attributes)
    if is_confidence(attributes.get(CONFIDENCE_KEY)):
        del attributes[CONFIDENCE_KEY]  # other keys stay: they may mean something else too
    vector = row["vector"]
    return Annotation(
        label=row["label"],
        track=row["track"] or "",
        value=1 if row["value"] is None else row["value"],
        confidence=confidence,
        box=_box_of(row),
        start_seconds=_seconds(row["start_time"]),
        end_seconds=_seconds(row["end_time"]),
        frame_index=row["frame"],
        attributes=attributes,
        vector=None if vector is None else tuple(map(_number, vector)),
    )


def empty_columns() -> str:
    """Return SQL for an empty row."""
    return ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items())


def _parsed(info: str) -> Any:
    """Parse JSON; NaN, which DuckDB accepts, becomes null."""
    try:
        return json_value(info)
    except ValueError:
        return parse_json(info.encode(), "additional_info")


def _box_of(row: Mapping[str, Any]) -> Box | None:
    edges = [row[name] for name in ("x1", "y1", "x2", "y2")]
    if None in edges:
        return None
    if min(edges) < 1 - SCALE_LIMIT or max(edges) > SCALE_LIMIT:
        raise DatasetError(
            f"a box must be 0..1 of width and height, got {edges} in {row['source']}: "
            f"{row['label']!r} of {row['media']!r}; divide pixels by the picture's size"
        )
    x1, y1, x2, y2 = edges
    return Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)).clipped()


def _time_of(annotations: Iterable[Annotation], frame: int) -> float | None:
    for one in annotations:
        if one.frame_index == frame and one.start_seconds is not None:
            return one.start_seconds
    return None


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
