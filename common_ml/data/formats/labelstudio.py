"""Label Studio: tasks with regions in pictures, and with time lanes in videos and sounds, as JSON.

Read: an export, or tasks to import; of each task the newest annotation that was not cancelled, or
all predictions where there is none. Regions of the types rectanglelabels, polygonlabels,
brushlabels, keypointlabels, ellipselabels, choices, timelinelabels, videorectangle and labels
(times in a sound); others are left out with a warning.

Written: the tasks, and beside them `<name>.config.xml`, the labelling interface that they need. An
annotation with several places (a box and a polygon) becomes several regions.

Kept: label, box, polygon, mask, points and ellipses (`attributes["geometry"]`), choices for what
has no place; confidence; track and attributes in a region's `meta`; time ranges in a sound exactly,
in a video on its frames (`fps`, which is written into the task); metadata and id as keys of `data`.
Lost: vectors, which frame a label without box was seen on, and one confidence for each of several
choices. Skipped: what is absent (value 0).
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from common_ml.data.formats import labelstudio_read, labelstudio_write
from common_ml.data.formats.atomic import replacing
from common_ml.data.formats.items import Item, items_of, load_json
from common_ml.data.formats.pixels import in_ratio, kind_of, sized
from common_ml.data.record import Annotation, Record
from common_ml.data.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.record import Kind

NAME = "labelstudio"

DEFAULT_FPS = 24.0
"""Frames per second that Label Studio takes a video to have unless it is told."""
_DATA_KEYS: tuple[Kind, ...] = ("image", "video", "audio")
_OUR_KEYS = {"id", "width", "height", "duration_seconds", "fps"}
logger = logging.getLogger(__name__)


def read(
    source: str | os.PathLike[str],
    *,
    fps: float | None = None,
    media_root: str | os.PathLike[str] | None = None,
) -> Iterator[Record]:
    """The tasks of a file, in order.

    Args:
        source: The JSON file.
        fps: Frames per second of videos whose task does not say it (`data.fps`); else 24.
        media_root: Where the media are.

    Raises:
        FormatError: a wrong value, with item and field.
        OSError: the file cannot be read.
    """
    path = os.fspath(source)
    for item in items_of(load_json(source), path, what="a list of tasks"):
        yield in_ratio(_record(item, fps or DEFAULT_FPS), media_root=media_root)


def write(
    records: Iterable[Record],
    target: str | os.PathLike[str],
    *,
    results: Literal["predictions", "annotations"] = "predictions",
    fps: float = DEFAULT_FPS,
    media_root: str | os.PathLike[str] | None = None,
) -> Report:
    """Write tasks to import, and the labelling interface beside them.

    Args:
        records: Anything; frames of videos are skipped.
        target: The JSON file.
        results: Whether the regions are a model's proposals or finished work.
        fps: Frames per second of videos whose metadata has no `fps`.
        media_root: Where pictures and label images are whose size or content is needed.

    Raises:
        OSError: a file cannot be written; what was there before is as it was.
    """
    report = Report()
    interface = labelstudio_write.Interface()
    tasks = []
    for record in records:
        kind = record.kind or kind_of(record.media)
        if not kind or (record.frame_index is not None and kind != "image"):
            reason = "is one frame of a video" if kind else "is of unknown kind"
            report.skip(record.id, reason)
        elif record.unit != "ratio":
            report.skip(record.id, "its boxes are in pixels, and its size is not known")
        else:
            known = sized(record, media_root) if kind == "image" else record
            rate = _rate(record, fps)
            regions = labelstudio_write.regions(known, kind, rate, media_root, interface, report)
            tasks.append(_task(known, kind, rate, regions, results))
    with replacing(_config_path(target)) as file, replacing(target) as tasks_file:
        tasks_file.write(orjson.dumps(tasks, option=orjson.OPT_INDENT_2))
        file.write(interface.xml().encode())
    report.written = len(tasks)
    return report


def _config_path(target: str | os.PathLike[str]) -> Path:
    return Path(target).with_suffix(".config.xml")


def _rate(record: Record, fps: float) -> float:
    own = record.metadata.get("fps")
    return float(own) if isinstance(own, (int, float)) and own > 0 else fps


def _task(
    record: Record, kind: str, fps: float, regions: list[dict[str, Any]], results: str
) -> dict[str, Any]:
    data = {key: value for key, value in record.metadata.items() if key not in _DATA_KEYS}
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


def _record(item: Item, fps: float) -> Record:
    data = item.child("data")
    kind = next((one for one in _DATA_KEYS if one in data), None)
    if kind is None:
        kind, key = _guessed(data)
    else:
        key = kind
    rate = data.number("fps", default=fps)
    if rate <= 0:
        raise data.error(f"must be > 0, got {rate}", field="fps")
    metadata = {name: value for name, value in data.data.items() if name not in {key, *_OUR_KEYS}}
    if kind == "video" and "fps" in data:
        metadata["fps"] = rate
    size = _size(data, item)
    with item.building():
        return Record(
            media=data.text(key),
            kind=kind,
            width=size[0],
            height=size[1],
            duration_seconds=data.number_or_none("duration_seconds"),
            annotations=tuple(_annotations(item, rate)),
            metadata=metadata,
            id=data.text("id", default="") or item.text("id", default=""),
        )


def _guessed(data: Item) -> tuple[Kind, str]:
    """Kind and key of the media of a task whose author had other names for it."""
    for key, value in data.data.items():
        if isinstance(value, str) and kind_of(value):
            return kind_of(value), key
    raise data.error(f"has none of {', '.join(_DATA_KEYS)}, nor any other media")


def _size(data: Item, item: Item) -> tuple[int | None, int | None]:
    if "width" in data and "height" in data:
        return data.whole("width"), data.whole("height")
    for region in _regions(item):
        if "original_width" in region and "original_height" in region:
            return region.whole("original_width"), region.whole("original_height")
    return None, None


def _annotations(item: Item, fps: float) -> Iterator[Annotation]:
    for region in _regions(item):
        convert = labelstudio_read.REGIONS.get(region.text("type"))
        if convert is None:
            logger.warning(
                "%s: %s: regions of type %s are left out", item.path, item.place, region.get("type")
            )
            continue
        with region.building("value"):
            yield from convert(region, fps)


def _regions(item: Item) -> Iterator[Item]:
    finished = [one for one in item.children("annotations") if not one.get("was_cancelled")]
    for one in finished[-1:] or item.children("predictions"):
        yield from one.children("result")
