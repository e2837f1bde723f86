"""The rows that a dataset is stored as: one for each annotation, one for each bare record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.geometry import Box
from common_ml.data.record import Annotation, Record
from common_ml.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

COLUMNS = {
    "source": "VARCHAR",  # the file that it comes from
    "key": "VARCHAR",  # id of its record; NULL: the media
    "media": "VARCHAR",
    "frame": "BIGINT",
    "label": "VARCHAR",  # NULL: no annotation, but a word about the record
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
"""Column -> type, as DuckDB writes it."""

SCALE_LIMIT = 2.0
"""A box of a tags file with edges beyond -1..2 does not stick out: it must be in pixels."""


def arrow_schema() -> pa.Schema:
    """The columns, as Arrow has them."""
    import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to load

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
    """The rows of a record: the word about it, then its annotations."""
    header = {name: value for name, value in record.to_json().items() if name != "annotations"}
    start = {"source": source, "key": record.id, "media": record.media}
    yield {
        **start,
        "frame": record.frame_index,
        "header": orjson.dumps(header).decode(),
        "uid": first_uid,
    }
    for number, one in enumerate(record.annotations, start=first_uid + 1):
        info = dict(one.attributes)
        if one.confidence is not None:
            info["confidence"] = one.confidence
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
            "info": orjson.dumps(info).decode() if info else None,
            "vector": one.vector,
            "annotation": orjson.dumps(one.to_json()).decode(),
            "uid": number,
        }


def record_of(
    rows: Sequence[Mapping[str, Any]], *, header: str | None, kind: str, frame: int | None
) -> Record:
    """The record that rows are about, at least one of them.

    Args:
        rows: In order; those of a tags file that are alike count once.
        header: What is said of the record, or of the video that it is a frame of.
        kind: What the media is by its name.
        frame: The frame that the record is about; None: the whole file.
    """
    known = orjson.loads(header) if header is not None else {}
    annotations: list[Annotation] = []
    seen: set[int] = set()
    for row in rows:
        if row["label"] is not None and row["uid"] not in seen:
            seen.add(row["uid"])
            annotations.append(annotation_of(row))
    given = {"media": rows[0]["media"], "kind": kind, **known}
    if frame is not None and "frame_index" not in known:
        given["frame_index"] = frame
        if "id" in known:
            given["id"] = f"{known['id']}#{frame}"
    if frame is not None and "time_seconds" not in known:
        given["time_seconds"] = _time_of(annotations, frame)
    return Record(**given, annotations=tuple(annotations))


def annotation_of(row: Mapping[str, Any]) -> Annotation:
    """The annotation that a row holds.

    Raises:
        DatasetError: a box is in pixels.
    """
    if row["annotation"] is not None:
        return Annotation.from_json(orjson.loads(row["annotation"]))
    info = orjson.loads(row["info"]) if row["info"] is not None else None
    attributes = dict(info) if isinstance(info, dict) else {}
    confidence = attributes.get("confidence")
    if _is_ratio(confidence):
        del attributes["confidence"]
    else:
        confidence = None
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
    """SQL for a row without anything in it."""
    return ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items())


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


def _is_ratio(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
