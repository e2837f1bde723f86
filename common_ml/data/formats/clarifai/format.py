"""Clarifai: CSV files of concepts and regions, and the JSON of its inputs.

Read: the two CSV shapes (`url, pos_concepts, neg_concepts, metadata[, input_id]`, with or without
`left_col, top_row, right_col, bottom_row`), the platform's newer CSV (`inputid, input, concepts,
metadata, geopoints`), and inputs as JSON, as protobuf writes them (a missing `value` or edge is 0).
Columns by name, in any order; unknown ones are ignored. Rows of one url make one record: a row with
a box is a region, one without is about the whole picture.

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

from common_ml.data.formats.clarifai import json_files, rows
from common_ml.data.formats.clarifai.inputs import Input, Region, input_of, record_of
from common_ml.data.formats.clarifai.rows import CONCEPTS, EDGES
from common_ml.data.formats.shared.json_file import load_json
from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.tables import escaped_cell
from common_ml.data.json_text import json_bytes
from common_ml.data.report import Report
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.data.record import Kind, Record
    from common_ml.types import StrPath

NAME = "clarifai"


def read(
    source: StrPath,
    *,
    kind: Kind = "",
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the inputs of a file as records, in the order in which they first appear.

    Args:
        source: A CSV file of any of the three kinds, or a `.json` file.
        kind: Kind of media without a known extension.
        on_error: Whether a row or annotation that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the media are.
        download: Fetch media from addresses that are not found there.

    Raises:
        FormatError: a column is missing, a wrong value, or rows of one url that contradict.
        OSError: the file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    return _records(_inputs(source, policy), kind, policy, media)


def read_inputs(source: StrPath) -> Iterator[Input]:
    """Yield the inputs that an upload sends."""
    return _inputs(source, ErrorPolicy())


def _records(
    inputs: Iterable[Input], kind: Kind, policy: ErrorPolicy, media: MediaFiles
) -> Iterator[Record]:
    for one in inputs:
        finished = None
        with policy:
            record = record_of(one)
            if not record.kind and kind:
                record = replace(record, kind=kind)
            finished = media.finished(record)
        if finished is not None:
            yield finished


def _inputs(source: StrPath, policy: ErrorPolicy) -> Iterator[Input]:
    path = os.fspath(source)
    if Path(path).suffix.lower() == ".json":
        return json_files.inputs_from(load_json(path), path, policy)
    return rows.inputs_from(path, policy)


def write(records: Iterable[Record], target: StrPath, *, escape_formulas: bool = False) -> Report:
    """Write inputs: as JSON to a target that ends in `.json`, else as CSV.

    Args:
        records: Pictures and videos.
        target: The file.
        escape_formulas: In CSV, put `'` before texts that a spreadsheet would run as a formula.

    Raises:
        OSError: the file cannot be written; the old file is unchanged.
    """
    report = Report()
    as_json = Path(target).suffix.lower() == ".json"
    inputs = [one for record in records if (one := input_of(record, report)) is not None]
    if not as_json:
        inputs = list(_fit_for_csv(inputs, report))
    report.written = len(inputs)
    with replacing(target) as file:
        if as_json:
            data = {"inputs": [json_files.object_of(one) for one in inputs]}
            file.write(json_bytes(data, indent=True, newline=True))
        else:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            _write_table(inputs, csv.writer(text), escape_formulas=escape_formulas)
            text.detach()
    return report


def _fit_for_csv(inputs: Iterable[Input], report: Report) -> Iterator[Input]:
    """Yield what the CSV can hold: unique URLs, and no blanks around URLs and labels."""
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


def _write_table(inputs: list[Input], table: Any, *, escape_formulas: bool) -> None:
    with_regions = any(one.regions for one in inputs)
    with_ids = any(one.id for one in inputs)
    edges = EDGES if with_regions else ()
    table.writerow(["url", *edges, *CONCEPTS, "metadata", *(["input_id"] if with_ids else [])])

    def write_row(cells: list[Any]) -> None:
        table.writerow(map(escaped_cell, cells) if escape_formulas else cells)

    for one in inputs:
        metadata = json_bytes(dict(one.metadata)).decode()
        ends = [metadata, one.id] if with_ids else [metadata]
        if one.concepts or not one.regions:
            blanks = [""] * len(edges)
            write_row([one.url, *blanks, *_joined(one.concepts), *ends])
        for region in one.regions:
            box = region.box
            write_row([one.url, box.y1, box.x1, box.y2, box.x2, *_joined(region.concepts), *ends])


def _joined(concepts: dict[str, int]) -> list[str]:
    return ["|".join(name for name, value in concepts.items() if value == v) for v in (1, 0)]
