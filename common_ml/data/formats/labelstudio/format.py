"""Label Studio: tasks with regions in pictures, and with time lanes in videos and sounds, as JSON.

Read: an export (JSON, JSON Lines, JSON-MIN, CSV or TSV), one task, an annotation as storages get
it, or tasks to import; of each task the newest annotation that was not cancelled, or all
predictions where there is none; others are reported. Results of one `id` are one region: its
place, labels, text and choices about it. Places are rectangles, polygons, brushes, key points,
ellipses, vectors, time lanes, times in a sound, and the key frames of a video's boxes, which share
`attributes["track_id"]`, their region's id. Text of a region is `attributes["text"]`, choices
about it stand under the name of their control, text about the whole task in the metadata. Results
without any of these, and relations, are left out.

Written: the tasks, and beside them `<name>.config.xml`, the labelling interface that they need. An
annotation with several places (a box and a polygon) becomes several regions.

Kept: label, box, polygon, mask, points and ellipses (`attributes["geometry"]`), choices for what
has no place; confidence; track and attributes in a region's `meta`; time ranges in a sound exactly,
in a video on its frames (`fps`, which is written into the task); metadata and id as keys of `data`.
Lost: vectors, which frame a label without box was seen on, and one confidence for each of several
choices. Skipped: what is absent (value 0).
"""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common_ml.data.formats.labelstudio import tasks, writer
from common_ml.data.formats.labelstudio.sources import DATA_KEYS
from common_ml.data.formats.labelstudio.tasks import DEFAULT_FPS
from common_ml.data.formats.shared.encodings import as_utf8
from common_ml.data.formats.shared.json_file import load_json_or_lines, parse_json
from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.media_names import kind_of
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.shapes import is_number
from common_ml.data.formats.shared.tables import read_table
from common_ml.data.json_text import json_bytes
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.policy import OnError
    from common_ml.data.record import Record
    from common_ml.types import StrPath

NAME = "labelstudio"
_HEAD_BYTES = 1 << 10


def read(
    source: StrPath,
    *,
    fps: float | None = None,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the tasks of a file, in order.

    Args:
        source: The JSON file.
        fps: Frames per second of videos whose task does not say it (`data.fps`); else 24.
        on_error: Whether a region that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the media are.
        download: Fetch media from addresses that are not found there.

    Raises:
        FormatError: a wrong value, with item and field.
        OSError: the file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    return tasks.records(_load(source, policy), os.fspath(source), fps, policy, media)


def _load(source: StrPath, policy: ErrorPolicy) -> Any:
    """Return the tasks; the rows of an export as CSV or TSV are tasks as JSON-MIN has them."""
    with Path(source).open("rb") as file:
        start = as_utf8(file.read(_HEAD_BYTES)).removeprefix(BOM_UTF8).lstrip()
    if not any(key in start for key in (b"annotator", b"annotation_id")) or start[:1] in b"[{":
        return load_json_or_lines(source)
    _, rows = read_table(source, policy)
    return [
        {key: _cell(text, row) for key, text in row.data.items() if key and text} for row in rows
    ]


def _cell(text: str, row: Item) -> Any:
    """Return the value of a cell: lists and objects are JSON."""
    if text[:1] not in ("[", "{"):
        return text
    try:
        return parse_json(text.encode(), row.path)
    except FormatError:  # a text that begins so
        return text


def write(
    records: Iterable[Record],
    target: StrPath,
    *,
    results: Literal["predictions", "annotations"] = "predictions",
    fps: float = DEFAULT_FPS,
    media_root: StrPath | None = None,
) -> Report:
    """Write tasks to import, and the labelling interface beside them.

    Args:
        records: Anything; frames of videos are skipped.
        target: The JSON file.
        results: Whether the regions are a model's proposals or finished work.
        fps: Frames per second of videos whose metadata has no `fps`.
        media_root: Where pictures and label images are whose size or content is needed.

    Raises:
        OSError: a file cannot be written; the old file is unchanged.
    """
    report = Report()
    interface = writer.Interface()
    media = MediaFiles(media_root)
    made = []
    for record in records:
        kind = record.kind or kind_of(record.media)
        if not kind or (record.frame_index is not None and kind != "image"):
            reason = "is one frame of a video" if kind else "is of unknown kind"
            report.skip(record.id, reason)
        elif record.unit != "ratio":
            report.skip(record.id, "its boxes are in pixels, and its size is not known")
        else:
            known = media.sized(record) if kind == "image" else record
            rate = _rate(record, fps)
            regions = writer.regions(known, kind, rate, media, interface, report)
            made.append(_task(known, kind, rate, regions, results))
    with replacing(_config_path(target)) as file, replacing(target) as tasks_file:
        tasks_file.write(json_bytes(made, indent=True))
        file.write(interface.xml().encode())
    report.written = len(made)
    return report


def _config_path(target: StrPath) -> Path:
    return Path(target).with_suffix(".config.xml")


def _rate(record: Record, fps: float) -> float:
    own = record.metadata.get("fps")
    return float(own) if is_number(own) and own > 0 else fps


def _task(
    record: Record, kind: str, fps: float, regions: list[dict[str, Any]], results: str
) -> dict[str, Any]:
    data = {key: value for key, value in record.metadata.items() if key not in DATA_KEYS}
    data[kind] = record.media
    known = {"width": record.width, "height": record.height}
    known["duration_seconds"] = record.duration_seconds  # type: ignore[assignment]  # a float
    data |= {key: value for key, value in known.items() if value is not None}
    if record.id != record.media:
        data["id"] = record.id
    if kind == "video":
        data["fps"] = fps
    if not regions:
        return {"data": data}
    return {"data": data, results: [{"result": regions}]}
