"""Clarifai: CSV files of concepts and regions, and the JSON of its inputs.

Read: the two CSV shapes (`url, pos_concepts, neg_concepts, metadata[, input_id]`, with or without
`left_col, top_row, right_col, bottom_row`), the platform's newer CSV (`inputid, input, concepts,
metadata, geopoints`), and inputs as JSON, as protobuf writes them (a missing `value` or edge is 0).
Columns by name, in any order; unknown ones are ignored. Rows of one url make one record: a row with
a box is a region, one without tells of the whole picture.

Written: the CSV shapes, with boxes where there are any, or, to a target that ends in `.json`,
`{"inputs": [...]}` with regions and `"value": 0` written out.

Kept: media, concepts with value 1 and 0, boxes, metadata, input id; a place on earth as
`metadata["geo"]` = {"longitude", "latitude"} (not in the CSV that is written).
Lost: confidence, track, times, frames, attributes, vectors, sizes, duration; polygons become their
boxes, with a warning; masks and other geometries are skipped. Concepts are separated by `|` in the
CSV: a label that holds one is skipped there. A region without any concept has an empty label.
"""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.formats import clarifai_json
from common_ml.data.formats.atomic import replacing
from common_ml.data.formats.clarifai_inputs import Input, Region, input_of, record_of
from common_ml.data.formats.items import load_json
from common_ml.data.formats.tables import read_table, require
from common_ml.data.record import Box
from common_ml.data.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.items import Item
    from common_ml.data.record import Kind, Record

NAME = "clarifai"

EDGES = ("top_row", "left_col", "bottom_row", "right_col")
_CONCEPTS = ("pos_concepts", "neg_concepts")


def read(source: str | os.PathLike[str], *, kind: Kind = "") -> Iterator[Record]:
    """The inputs of a file, in the order in which they first appear.

    Args:
        source: A CSV file of any of the three kinds, or a `.json` file.
        kind: What media without a telling extension are.

    Raises:
        FormatError: a column is missing, a wrong value, or rows of one url that contradict.
        OSError: the file cannot be read.
    """
    for one in read_inputs(source):
        record = record_of(one)
        yield record if record.kind or not kind else replace(record, kind=kind)


def read_inputs(source: str | os.PathLike[str]) -> Iterator[Input]:
    """The same as inputs: what an upload sends."""
    path = os.fspath(source)
    if Path(path).suffix.lower() == ".json":
        return clarifai_json.inputs_from(load_json(path), path)
    columns, rows = read_table(path)
    if "input" in columns and "url" not in columns:
        return _merged(map(_newer_row, rows))
    require(path, columns, ["url"])
    edges = [name for name in EDGES if name in columns]
    if edges:
        require(path, columns, EDGES)
    return _merged(_older_row(row) for row in rows)


def write(records: Iterable[Record], target: str | os.PathLike[str]) -> Report:
    """Write inputs: as JSON to a target that ends in `.json`, else as CSV.

    Raises:
        OSError: the file cannot be written; what was there before is as it was.
    """
    report = Report()
    as_json = Path(target).suffix.lower() == ".json"
    inputs = [one for record in records if (one := input_of(record, report)) is not None]
    if not as_json:
        inputs = list(_fit_for_csv(inputs, report))
    report.written = len(inputs)
    with replacing(target) as file:
        if as_json:
            data = {"inputs": [clarifai_json.object_of(one) for one in inputs]}
            file.write(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        else:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            _write_table(inputs, csv.writer(text))
            text.detach()
    return report


def _older_row(row: Item) -> tuple[Item, Input]:
    concepts = _concepts(row)
    box = _box(row)
    return row, Input(
        url=row.text("url").strip(),
        id=row.text("input_id", default="").strip(),
        concepts={} if box else concepts,
        regions=(Region(box, concepts),) if box else (),
        metadata=row.json_object("metadata"),
    )


def _newer_row(row: Item) -> tuple[Item, Input]:
    metadata = row.json_object("metadata")
    if "geopoints" in row:
        metadata["geo"] = _geo(row)
    return row, Input(
        url=row.text("input").strip(),
        id=row.text("inputid", default="").strip(),
        concepts=dict.fromkeys(_split(row, "concepts", ","), 1),
        metadata=metadata,
    )


def _merged(rows: Iterable[tuple[Item, Input]]) -> Iterator[Input]:
    """One input for each url; rows that contradict each other are an error."""
    inputs: dict[str, Input] = {}
    for row, one in rows:
        if not one.url:
            raise row.error("is missing", field="input" if "url" not in row.data else "url")
        known = inputs.get(one.url)
        if known is None:
            inputs[one.url] = one
            continue
        if known.metadata != one.metadata:
            raise row.error(
                f"differs from that of an earlier row with the url {one.url!r}: rows of one"
                " picture must all have the same",
                field="metadata",
            )
        if one.id and known.id and known.id != one.id:
            raise row.error(
                f"is {one.id!r}, and {known.id!r} in an earlier row with the url {one.url!r}",
                field="input_id" if "input_id" in row.data else "inputid",
            )
        for name, value in one.concepts.items():
            if known.concepts.get(name, value) != value:
                raise row.error(
                    f"{name!r} is positive in one row and negative in another of {one.url!r}",
                    field="neg_concepts" if value == 0 else "pos_concepts",
                )
        inputs[one.url] = replace(
            known,
            id=known.id or one.id,
            concepts={**known.concepts, **one.concepts},
            regions=(*known.regions, *one.regions),
        )
    yield from inputs.values()


def _concepts(row: Item) -> dict[str, int]:
    positive, negative = (_split(row, name, "|") for name in _CONCEPTS)
    both = [name for name in positive if name in negative]
    if both:
        raise row.error(f"{both[0]!r} is in pos_concepts, too", field="neg_concepts")
    return {**dict.fromkeys(positive, 1), **dict.fromkeys(negative, 0)}


def _split(row: Item, column: str, separator: str) -> list[str]:
    """Order kept, duplicates dropped, blanks stripped."""
    names = (name.strip() for name in row.text(column, default="").split(separator))
    return list(dict.fromkeys(name for name in names if name))


def _box(row: Item) -> Box | None:
    given = [name for name in EDGES if name in row]
    if not given:
        return None
    missing = [name for name in EDGES if name not in given]
    if missing:
        raise row.error("is empty: give all four edges or none", field=missing[0])
    top, left, bottom, right = (row.number(name) for name in EDGES)
    for name, value in zip(EDGES, (top, left, bottom, right), strict=True):
        if not 0 <= value <= 1:
            raise row.error(f"must be 0..1, a share of the picture, got {value}", field=name)
    if left >= right:
        raise row.error(f"must be > left_col = {left}, got {right}", field="right_col")
    if top >= bottom:
        raise row.error(f"must be > top_row = {top}, got {bottom}", field="bottom_row")
    return Box(left, top, right, bottom)


def _geo(row: Item) -> dict[str, float]:
    text = row.text("geopoints")
    try:
        longitude, latitude = (float(part) for part in text.split(","))
    except ValueError as error:
        raise row.error(f'must be "longitude,latitude", got {text!r}', field="geopoints") from error
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise row.error(
            f"must be -180..180 and -90..90, longitude first, got {text!r}", field="geopoints"
        )
    return {"longitude": longitude, "latitude": latitude}


def _fit_for_csv(inputs: Iterable[Input], report: Report) -> Iterator[Input]:
    """What the CSV can hold: urls once and without blanks around them, as labels have to be."""
    seen: set[str] = set()
    for one in inputs:
        if one.url != one.url.strip() or one.id != one.id.strip() or "\0" in one.url + one.id:
            report.skip(one.name, "its url or id has blanks at an end, or a NUL")
        elif one.url in seen:
            report.skip(one.name, f"another record has the url {one.url!r}, and rows are told apart"
                        " by it: write JSON")  # fmt: skip
        else:
            seen.add(one.url)
            regions = []
            for region in one.regions:
                concepts = _fit(one, region.concepts, report)
                if concepts or not region.concepts:
                    regions.append(Region(region.box, concepts))
            whole = _fit(one, one.concepts, report)
            yield replace(one, concepts=whole, regions=tuple(regions))


def _fit(one: Input, concepts: dict[str, int], report: Report) -> dict[str, int]:
    fit = {}
    for name, value in concepts.items():
        if {*"|\0"} & {*name} or not name.strip():
            report.skip(one.name, f"the CSV cannot hold the concept {name!r}")
            continue
        if name != name.strip():
            report.warn(f"blanks around concepts are not kept, such as {name!r}")
        fit[name.strip()] = value
    return fit


def _write_table(inputs: list[Input], table: Any) -> None:
    with_regions = any(one.regions for one in inputs)
    with_ids = any(one.id for one in inputs)
    edges = EDGES if with_regions else ()
    table.writerow(["url", *edges, *_CONCEPTS, "metadata", *(["input_id"] if with_ids else [])])
    for one in inputs:
        metadata = orjson.dumps(one.metadata).decode()
        ends = [metadata, one.id] if with_ids else [metadata]
        if one.concepts or not one.regions:
            blanks = [""] * len(edges)
            table.writerow([one.url, *blanks, *_joined(one.concepts), *ends])
        for region in one.regions:
            box = region.box
            table.writerow(
                [one.url, box.y1, box.x1, box.y2, box.x2, *_joined(region.concepts), *ends]
            )


def _joined(concepts: dict[str, int]) -> list[str]:
    return ["|".join(name for name, value in concepts.items() if value == v) for v in (1, 0)]
