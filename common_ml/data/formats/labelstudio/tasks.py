"""Convert Label Studio's tasks to records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.labelstudio.reader import Task, annotations_of, regions_of, texts_of
from common_ml.data.formats.labelstudio.sources import by_source, sources_of
from common_ml.data.formats.shared.items import items_of
from common_ml.data.formats.shared.media_names import storage_address
from common_ml.data.formats.shared.unique import UniqueIds
from common_ml.data.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.formats.labelstudio.sources import Source
    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.media import MediaFiles
    from common_ml.data.formats.shared.policy import ErrorPolicy
    from common_ml.data.record import Annotation

DEFAULT_FPS = 24.0
"""Frames per second that Label Studio assumes by default."""
_OUR_KEYS = {"id", "width", "height", "duration_seconds", "fps"}
_EXPORT_KEYS = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time"}
"""Of JSON-MIN: beside the keys of `data` and the controls."""


def records(
    data: Any, path: str, fps: float | None, policy: ErrorPolicy, media: MediaFiles
) -> Iterator[Record]:
    """Yield the tasks of a file, in order."""
    ids = UniqueIds()
    for item in items_of(_listed(data), path, what="a list of tasks", policy=policy):
        found: list[Record] = []
        with policy:
            task = item if "data" in item else _full(item)
            made = _records(task, fps, policy)
            ids.add(made[0].id, task)
            found = made
        for record in found:
            with policy:
                yield media.finished(record)


def _listed(data: Any) -> Any:
    """Return a list of tasks for a single one, or for an annotation as storages get them."""
    if not isinstance(data, dict):
        return data
    if "data" in data:
        return [data]
    task = data.get("task")
    if isinstance(task, dict) and "result" in data:
        return [{**task, "annotations": [{key: one for key, one in data.items() if key != "task"}]}]
    return data


def _full(item: Item) -> Item:
    """Convert a task of the export JSON-MIN to one of the export JSON."""
    data = {key: one for key, one in item.data.items() if not isinstance(one, (list, dict))}
    results: list[dict[str, Any]] = []
    for name, value in item.data.items():
        if isinstance(value, dict) and "choices" in value:
            results.append({"type": "choices", "from_name": name, "value": value})
        for number, one in enumerate(value if isinstance(value, list) else []):
            if isinstance(one, dict):
                known = {key: one[key] for key in ("original_width", "original_height")
                         if key in one}  # fmt: skip
                results.append({"id": f"{name}-{number}", "from_name": name, "value": one, **known})
    for key in _EXPORT_KEYS:
        data.pop(key, None)
    if not data and not results:
        return item
    full = {"data": data, "annotations": [{"result": results}]}
    if "id" in item:
        full["id"] = item.get("id")
    return replace(item, data=full)


def _records(item: Item, fps: float | None, policy: ErrorPolicy) -> list[Record]:
    """Return a record of the task's media, or of each that results are about."""
    data = item.child("data")
    sources = sources_of(data)
    found = by_source(_results(item, policy), sources, data, policy)
    identity = data.text("id", default="") or item.text("id", default="")
    records = []
    for place, (source, results) in enumerate(found.items()):
        name = f"{identity}/{source.name}" if identity and place else identity
        records.append(_record(item, source, results, name, fps, policy))
    return records


def _record(
    item: Item,
    source: Source,
    results: list[Item],
    identity: str,
    fps: float | None,
    policy: ErrorPolicy,
) -> Record:
    data, kind = item.child("data"), source.kind
    rate = fps or DEFAULT_FPS
    if kind == "video":  # of a picture it is metadata, and may be anything
        rate = data.number("fps", default=rate)
    if rate <= 0:
        raise data.error(f"must be > 0, got {rate}", field="fps")
    others = {source.key, *_OUR_KEYS}
    metadata = {name: value for name, value in data.data.items() if name not in others}
    if "fps" in data:
        metadata["fps"] = rate if kind == "video" else data.get("fps")
    task = Task(kind, rate, fps is not None or "fps" in data, policy)
    made: list[Annotation] = []
    for region in regions_of(results, policy):
        with policy:
            made += annotations_of(region, task)
        for name, text in texts_of(region).items():
            metadata.setdefault(name, text)
    size = _size(data, results, policy)
    with item.building():
        return Record(
            media=storage_address(source.address),
            kind=kind,
            width=size[0],
            height=size[1],
            duration_seconds=data.number_or_none("duration_seconds"),
            annotations=tuple(made),
            metadata=metadata,
            id=identity,
        )


def _size(data: Item, results: list[Item], policy: ErrorPolicy) -> tuple[int | None, int | None]:
    if "width" in data and "height" in data:
        return data.whole("width"), data.whole("height")
    keys = ("original_width", "original_height")
    stated = (one for one in results if all(key in one for key in keys))
    sizes = list(dict.fromkeys((one.whole(keys[0]), one.whole(keys[1])) for one in stated))
    if len(sizes) > 1:
        policy.report.warn(
            f"{data.place}: results state pictures of several sizes "
            f"({', '.join(f'{width} x {height}' for width, height in sizes)}): the first is taken"
        )
    return sizes[0] if sizes else (None, None)


def _results(item: Item, policy: ErrorPolicy) -> Iterator[Item]:
    """Yield the results of the newest annotation not cancelled, or of all predictions.

    Others that have results are reported.
    """
    given = _objects(item, "annotations")
    given += [] if "annotations" in item else _objects(item, "completions")
    finished = [one for one in given if not one.get("was_cancelled")]
    left_out = [(one, "a cancelled annotation") for one in given if one.get("was_cancelled")]
    left_out += [(one, "an annotation before the newest one") for one in finished[:-1]]
    if not finished:
        left_out += [(one, "a draft, not submitted") for one in _objects(item, "drafts")]
    elif any(one.get("result") for one in _objects(item, "predictions")):
        policy.report.warn("predictions of tasks that have annotations are not read")
    for one, what in left_out:
        if one.get("result"):
            number = one.get("id")
            name = item.place if number is None else f"{item.place}, annotation {number}"
            policy.report.skip(name, f"{what}: not read", place=item.place)
    for one in finished[-1:] or _objects(item, "predictions"):
        yield from policy.children(one, "result")


def _objects(item: Item, key: str) -> list[Item]:
    """Return the objects in a list; exports of some versions have ids of predictions only."""
    listed = [one for one in item.listed(key) if not isinstance(one, (int, str))]
    return list(replace(item, data={key: listed}).children(key))
