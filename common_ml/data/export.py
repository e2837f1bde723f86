"""Write a dataset as Parquet or as a tags file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.data.report import Report
from common_ml.data.store import rows
from common_ml.data.store.chosen import chosen
from common_ml.data.store.engine import quoted
from common_ml.errors import DatasetError
from common_ml.tagging.confidence import CONFIDENCE_KEY, confidence_of
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from common_ml.tagging.tags_file.codec import encode
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from common_ml.data.record import Annotation, Record
    from common_ml.data.store.duckdb_store import Store
    from common_ml.types import StrPath


def to_parquet(store: Store, numbers: npt.NDArray[np.int64], path: StrPath) -> None:
    """Write the rows of records; an existing file is replaced when all is written."""
    columns = ", ".join(f"t.{name}" for name in rows.COLUMNS if name != "source")
    if any(Path(path).exists() and Path(path).samefile(part.path) for part in store.parts):
        raise DatasetError(
            f"cannot write {os.fspath(path)}: the dataset is read from it; choose another name"
        )
    with replacing(path) as file, store.engine() as connection:
        chosen(connection, store, numbers)
        connection.execute(
            f"COPY (SELECT {columns} FROM {store.rows_sql()} AS t "
            "SEMI JOIN chosen AS c ON coalesce(t.key, t.media) = c.key AND t.slot = c.slot "
            f"ORDER BY t.place) TO {quoted(os.fspath(file.name))} (FORMAT parquet)"
        )


def to_jsonl(records: Iterable[Record], path: StrPath) -> Report:
    """Write tags; an existing file is replaced when all is written."""
    report = Report()
    with replacing(path) as output:
        for record in records:
            for annotation in record.annotations:
                if not annotation.value:
                    reason = f"tags cannot say that {annotation.label!r} is absent"
                    report.skip(record.id, reason)
                    continue
                if record.unit == "pixel" and annotation.bounds() is not None:
                    report.skip(record.id, "boxes in pixels, and the size is not known")
                    continue
                output.write(encode(tag_of(record, annotation)))
            output.write(encode(Progress(record.media)))
            report.written += 1
    return report


def tag_of(record: Record, annotation: Annotation) -> Tag:
    """Convert an annotation to a wire tag; polygon and mask go into additional_info."""
    info: dict[str, Any] = dict(annotation.attributes)
    shown = annotation.to_json()
    for name in ("polygon", "mask"):
        if name in shown:
            info[name] = shown[name]
    if annotation.confidence not in (None, confidence_of(info)):  # it may stand there already
        info[CONFIDENCE_KEY] = annotation.confidence
    start = annotation.start_seconds
    if start is None:
        start = record.time_seconds or 0
    end = start if annotation.end_seconds is None else annotation.end_seconds
    frame = annotation.frame_index if annotation.frame_index is not None else record.frame_index
    bounds = annotation.bounds()
    if frame is None and bounds is not None:
        frame = 0  # a picture: on the wire, boxes need a frame
    box = None if bounds is None else dict(vars(bounds))
    return Tag(
        start_time=round(start * 1000),
        end_time=max(round(end * 1000), round(start * 1000)),
        tag=annotation.label,
        source_media=record.media,
        track=annotation.track,
        additional_info=info or None,
        frame_info=None if frame is None else FrameInfo(frame, box),
        vector=None if annotation.vector is None else list(annotation.vector),
    )
