"""Hugging Face: a Parquet file of pictures and objects that `datasets` loads with its features.

    datasets.load_dataset("parquet", data_files="train.parquet")

Columns written: `image` (a picture, with its bytes where it was found), `file_name`, `width`,
`height`, `objects` with the lists `bbox` (left, top, width, height in pixels, as COCO has them),
`category` (a ClassLabel), `area`, `iscrowd` of what has a box and a picture of known size;
`labels`, the labels of the whole; and `record`, the record as JSON.

Read: such a file, or a folder of them, or an image folder's `metadata.jsonl` or `metadata.csv`;
without `record` the columns `file_name` or `image.path`,
`width`, `height` and `objects`, as object detection sets on the hub have them (`bbox`, and
`category`, `categories`, `category_id` or `label`), and `label` or `labels` of the whole, as sets
for classification have it. Other columns are metadata, other lists beside the boxes attributes,
`score` the confidence. A picture without a name is called after its row.

Kept: everything, in the column `record`.

Lost: nothing; but pictures in the file are not taken out when it is read: media are found by
name.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.formats.huggingface.image_folder import NAMES, is_table, rows_of, tables_of
from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.media import MediaFiles, other_names, pixel_scale
from common_ml.data.formats.shared.media_names import is_still
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.shapes import is_number
from common_ml.data.formats.shared.stray import data_files
from common_ml.data.json_text import json_bytes
from common_ml.data.record import Annotation, Box, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError, MissingExtraError, RecordError
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.types import StrPath

NAME = "huggingface"
ROWS_AT_ONCE = 100
"""Number of pictures held in memory."""
_NAMES = ("category", "categories", "category_id", "label", "labels", "class")
_WHOLE = ("label", "labels")
_ROW_KEYS = {"image", "image_bytes", "image_id", "file_name", "width", "height", "objects",
             "record", *_WHOLE}  # fmt: skip
_OBJECT_KEYS = {"id", "bbox", "area", "iscrowd", "score", *_NAMES}
NO_NAME = "picture in the file without a name: named after its row"
SAME_NAME = "name of several pictures: told apart by their rows"
"""Columns with the classes of the whole picture, as sets for classification have them."""


def read(
    source: StrPath,
    *,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the records of a file, or of the files of a folder, in order.

    Args:
        source: The file or folder.
        on_error: Whether an object that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the media are.
        download: Fetch media from addresses that are not found there.

    Raises:
        FormatError: not such a file, or a wrong value.
        MissingExtraError: pyarrow is not installed.
        OSError: a file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    path = Path(source)
    files = data_files(path, "**/*.parquet") or tables_of(path) if path.is_dir() else [path]
    if not files:
        expected = f"Parquet files, nor {' or '.join(NAMES)}"
        raise FormatError(f"{os.fspath(path)}: has no {expected}", path=path)
    taken: set[str] = set()
    for file in files:
        rows = ((row, ()) for row in rows_of(file, policy)) if is_table(file) else _rows(file)
        for item, names in rows:
            with policy:
                record = _record(item, names, policy)
                if record.id in taken and "record" not in item:
                    policy.repair(SAME_NAME)
                    record = replace(record, id=f"{record.id}, {Path(file).stem} {item.place}")
                taken.add(record.id)
                yield media.finished(record)


def write(
    records: Iterable[Record],
    target: StrPath,
    *,
    embed_images: bool = True,
    media_root: StrPath | None = None,
) -> Report:
    """Write the file.

    Args:
        records: Any; they are iterated twice, and stored as JSON in between.
        target: The file.
        embed_images: Whether the bytes of pictures that are found go into the file.
        media_root: Where the media are.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OSError: the file cannot be written; the old file is unchanged.
    """
    pa, pq = _arrow()
    report = Report()
    media = MediaFiles(media_root)
    known = list(records)
    names = sorted({one.label for record in known for one in record.annotations})
    schema = _schema(pa, names)
    numbers = {name: number for number, name in enumerate(names)}
    rows = (_row(record, numbers, media, embed=embed_images) for record in known)
    with replacing(target) as file, pq.ParquetWriter(file, schema) as writer:
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            report.written += len(batch)
    return report


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("pyarrow", extra="data") from error
    return pa, pq


def _rows(path: Path) -> Iterator[tuple[Item, Sequence[str]]]:
    """Yield the rows of a file, without image bytes, and the names of its classes."""
    pa, pq = _arrow()
    with path.open("rb") as opened:
        try:
            file = pq.ParquetFile(opened)
        except pa.ArrowException as error:
            raise FormatError(
                f"{os.fspath(path)}: not a Parquet file ({path.stat().st_size} bytes): {error}",
                path=path,
            ) from error
        schema = file.schema_arrow
        columns = [name for name in schema.names if name not in ("image", "image_bytes")]
        if "image" in schema.names and pa.types.is_struct(schema.field("image").type):
            columns.append("image.path")
        names = _class_names(schema.metadata or {})
        if "image" in schema.names and _is_text(pa, schema.field("image").type):
            columns.append("image")
        has_bytes = any(
            name in schema.names and _is_binary(pa, schema.field(name).type)
            for name in ("image", "image_bytes")
        )
        number = 0
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns):
            for row in batch.to_pylist():
                number += 1
                if has_bytes:
                    row.setdefault("image", {"path": None})
                yield Item(row, os.fspath(path), f"row {number}"), names


def _is_text(pa: Any, kind: Any) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    found = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(found)


def _is_binary(pa: Any, kind: Any) -> bool:
    types = pa.types
    found = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    return bool(found)


def _class_names(metadata: dict[bytes, bytes]) -> Sequence[str]:
    """Return the names of the ClassLabel of the objects or of the whole, or none."""
    try:
        features = orjson.loads(metadata[b"huggingface"])["info"]["features"]
        features = features.get("objects") or {key: features.get(key) for key in _WHOLE}
    except (AttributeError, KeyError, TypeError, orjson.JSONDecodeError):
        return ()
    inner = features.get("feature", features) if isinstance(features, dict) else features
    for name in _NAMES:
        found = inner.get(name) if isinstance(inner, dict) else None
        while isinstance(found, dict):
            if isinstance(found.get("names"), list):
                return [str(one) for one in found["names"]]
            found = found.get("feature")
    return ()


def _record(item: Item, names: Sequence[str], policy: ErrorPolicy) -> Record:
    if "record" in item:
        try:
            return Record.from_json(item.json_object("record"))
        except RecordError as error:
            raise item.error(str(error), field="record") from error
    is_text = isinstance(item.get("image"), str)
    media = item.text("file_name", default="") or (
        item.text("image") if is_text else item.child("image").text("path", default="")
    )
    identity = str(item.identity("image_id")) if "image_id" in item else ""
    media = media or identity
    if not media and isinstance(item.get("image"), dict):  # its bytes alone
        policy.repair(NO_NAME)
        media = f"{Path(item.path).stem}-{item.place.removeprefix('row ')}"
    if not media:
        raise item.error("is missing: needs file_name or image.path", field="file_name")
    annotations = []
    objects = item.get("objects")
    if isinstance(objects, dict):
        objects = _side_by_side(item, objects, policy)
    for number, one in enumerate(objects or ()):
        with policy:
            inner = Item(one, item.path, item.place, f"objects[{number}]")
            annotations.append(_annotation(inner, names, policy))
    if objects is None:
        with policy:
            annotations += _of_the_whole(item, names)
    with item.building():
        return Record(
            media=media,
            kind="image",
            width=item.whole_or_none("width"),
            height=item.whole_or_none("height"),
            annotations=tuple(annotations),
            metadata=_others(item.data, _ROW_KEYS),
            id=identity,
            unit="pixel",
        )


def _others(values: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the values of other columns; what JSON cannot hold, such as decimals, as text."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key in known or value is None or isinstance(value, bytes):
            continue
        try:
            found[key] = orjson.loads(orjson.dumps(value))
        except TypeError:
            found[key] = str(value)
    return found


def _side_by_side(
    item: Item, columns: Mapping[str, Any], policy: ErrorPolicy
) -> list[dict[str, Any]]:
    """Return the objects of lists side by side; an empty or missing list says nothing."""
    lists = {key: values for key, values in columns.items() if isinstance(values, list) and values}
    if len({len(values) for values in lists.values()}) > 1:
        lengths = ", ".join(f"{key} {len(values)}" for key, values in lists.items())
        policy.fail(item.error(f"must be lists of one length, got {lengths}", field="objects"))
        return []
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


def _annotation(item: Item, names: Sequence[str], policy: ErrorPolicy) -> Annotation:
    key = next((one for one in _NAMES if item.get(one) is not None), "category")
    label = _label(item, key, item.get(key), names)
    numbers = item.listed("bbox")
    if len(numbers) != 4:
        raise item.error(f"must be [left, top, width, height], got {numbers!r:.80}", field="bbox")
    if not all(map(is_number, numbers)):
        raise item.error(f"must be four numbers, got {numbers!r:.80}", field="bbox")
    with item.building():
        x, y, width, height = numbers
        attributes = {one: item.get(one) for one in ("area", "iscrowd") if item.get(one)}
        attributes |= _others(item.data, _OBJECT_KEYS)
        box = policy.box(x, y, x + width, y + height)
        score = item.number_or_none("score")
        return Annotation(label, box=box, confidence=score, attributes=attributes)


def _of_the_whole(item: Item, names: Sequence[str]) -> list[Annotation]:
    """Return the annotations of a set for classification: one class, or a list of them."""
    key = next((one for one in _WHOLE if item.get(one) is not None), "")
    value = item.get(key)
    found = value if isinstance(value, list) else [] if value is None else [value]
    with item.building():
        return [Annotation(_label(item, key, one, names)) for one in found]


def _label(item: Item, key: str, value: Any, names: Sequence[str]) -> str:
    if isinstance(value, int) and names:
        if not 0 <= value < len(names):
            raise item.error(f"there is no class {value} of {len(names)}", field=key)
        return names[value]
    return "" if value is None else str(value)


def _schema(pa: Any, names: Sequence[str]) -> Any:
    """Return the schema, with the features of `datasets`."""
    objects = {
        "bbox": pa.list_(pa.list_(pa.float32(), 4)),
        "category": pa.list_(pa.int64()),
        "area": pa.list_(pa.float64()),
        "iscrowd": pa.list_(pa.int64()),
    }
    box = {"feature": {"dtype": "float32", "_type": "Value"}, "length": 4, "_type": "Sequence"}
    kind = {"names": list(names), "_type": "ClassLabel"}

    def value(dtype: str) -> dict[str, Any]:
        return {"dtype": dtype, "_type": "Value"}

    def many(feature: dict[str, Any]) -> dict[str, Any]:
        return {"feature": feature, "_type": "Sequence"}

    features = {
        "image": {"_type": "Image"},
        "file_name": value("string"),
        "width": value("int64"),
        "height": value("int64"),
        "objects": {
            "bbox": many(box),
            "category": many(kind if names else value("int64")),
            "area": many(value("float64")),
            "iscrowd": many(value("int64")),
        },
        "labels": many(value("string")),
        "record": value("string"),
    }
    return pa.schema(
        {
            "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
            "file_name": pa.string(),
            "width": pa.int64(),
            "height": pa.int64(),
            "objects": pa.struct(objects),
            "labels": pa.list_(pa.string()),
            "record": pa.string(),
        },
        metadata={"huggingface": orjson.dumps({"info": {"features": features}})},
    )


def _row(
    record: Record, numbers: dict[str, int], media: MediaFiles, *, embed: bool
) -> dict[str, Any]:
    sized = media.sized(record) if is_still(record) else record
    scale = pixel_scale(sized)
    placed: list[tuple[Annotation, Box]] = []
    whole: list[str] = []
    for one in record.annotations:
        box = one.bounds()
        if box is not None and one.value and scale is not None:
            placed.append((one, box.scaled(*scale)))
        elif box is None and one.value:
            whole.append(one.label)
    found = media.find(record.media, *other_names(record)) if embed and is_still(record) else None
    edges = [[box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1] for _, box in placed]
    areas = [one.attributes.get("area") for one, _ in placed]
    crowds = [one.attributes.get("iscrowd") for one, _ in placed]
    return {
        # null for a missing picture: a path alone would be opened
        "image": None if found is None else {"bytes": found.read_bytes(), "path": found.name},
        "file_name": record.media,
        "width": sized.width,
        "height": sized.height,
        "objects": {
            "bbox": edges,
            "category": [numbers[one.label] for one, _ in placed],
            "area": [
                float(area) if isinstance(area, (int, float)) else width * height
                for area, (_, _, width, height) in zip(areas, edges, strict=True)
            ],
            "iscrowd": [int(one == 1) for one in crowds],
        },
        "labels": list(dict.fromkeys(whole)),
        "record": json_bytes(record.to_json()).decode(),
    }
