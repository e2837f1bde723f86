"""Read Clarifai's CSV files: rows -> inputs, one for each URL."""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.formats.clarifai.inputs import Input, Region
from common_ml.data.formats.shared.policy import CLIP_SHARE
from common_ml.data.formats.shared.tables import read_table, require
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.data.formats.shared.items import Item
    from common_ml.data.formats.shared.policy import ErrorPolicy
    from common_ml.data.record import Box

EDGES = ("top_row", "left_col", "bottom_row", "right_col")
CONCEPTS = ("pos_concepts", "neg_concepts")
_COLUMNS = (
    "url", *EDGES, *CONCEPTS, "metadata", "input_id", "input", "inputid", "concepts", "geopoints",
)  # fmt: skip
_MAX_LITERAL = 1 << 20
"""Characters: a longer text is not parsed as Python."""


def inputs_from(path: str, policy: ErrorPolicy) -> Iterator[Input]:
    """Yield the inputs of a CSV file of any kind, in order of first appearance.

    Raises:
        FormatError: a column is missing, a wrong value, or rows of one url that contradict.
        OSError: the file cannot be read.
    """
    columns, rows = read_table(path, policy, known=_COLUMNS)
    is_newer = "input" in columns and "url" not in columns
    if not is_newer:
        require(path, columns, ["url"])
        if any(name in columns for name in EDGES):
            require(path, columns, EDGES)
    convert = _newer_row if is_newer else _older_row
    inputs: dict[str, Input] = {}
    for row in rows:
        with policy:
            _merge(inputs, row, convert(row, policy))
    yield from inputs.values()


def _older_row(row: Item, policy: ErrorPolicy) -> Input:
    concepts = _concepts(row)
    box = _box(row, policy)
    return Input(
        url=row.text("url").strip(),
        id=row.text("input_id", default="").strip(),
        concepts={} if box else concepts,
        regions=(Region(box, concepts),) if box else (),
        metadata=_metadata(row, policy),
    )


def _newer_row(row: Item, policy: ErrorPolicy) -> Input:
    metadata = _metadata(row, policy)
    if "geopoints" in row:
        metadata["geo"] = _geo(row)
    return Input(
        url=row.text("input").strip(),
        id=row.text("inputid", default="").strip(),
        concepts=dict.fromkeys(_split(row, "concepts", ","), 1),
        metadata=metadata,
    )


def _merge(inputs: dict[str, Input], row: Item, one: Input) -> None:
    """Add a row to the input of its url; rows that contradict each other are an error."""
    if not one.url:
        raise row.error("is missing", field="input" if "url" not in row.data else "url")
    known = inputs.get(one.url)
    if known is None:
        inputs[one.url] = one
        return
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


def _concepts(row: Item) -> dict[str, int]:
    positive, negative = (_split(row, name, "|") for name in CONCEPTS)
    both = [name for name in positive if name in negative]
    if both:
        raise row.error(f"{both[0]!r} is in pos_concepts, too", field="neg_concepts")
    return {**dict.fromkeys(positive, 1), **dict.fromkeys(negative, 0)}


def _split(row: Item, column: str, separator: str) -> list[str]:
    """Split names: order kept, duplicates dropped, blanks stripped."""
    names = (name.strip() for name in row.text(column, default="").split(separator))
    return list(dict.fromkeys(name for name in names if name))


def _metadata(row: Item, policy: ErrorPolicy) -> dict[str, Any]:
    """Parse JSON, or a Python literal as in the platform's sample and client."""
    with policy:
        try:
            return row.json_object("metadata")
        except FormatError:
            found = _literal(row.text("metadata"))
            if found is None:
                raise
            return found
    return {}


def _literal(text: str) -> dict[str, Any] | None:
    if len(text) > _MAX_LITERAL:
        return None
    with suppress(
        ValueError, SyntaxError, TypeError, MemoryError, RecursionError, orjson.JSONEncodeError
    ):
        found = ast.literal_eval(text)
        return orjson.loads(orjson.dumps(found)) if isinstance(found, dict) else None
    with suppress(orjson.JSONDecodeError):
        found = orjson.loads(text.replace("'", '"'))
        return found if isinstance(found, dict) else None
    return None


def _box(row: Item, policy: ErrorPolicy) -> Box | None:
    given = [name for name in EDGES if name in row]
    if not given:
        return None
    missing = [name for name in EDGES if name not in given]
    if missing:
        raise row.error("is empty: give all four edges or none", field=missing[0])
    edges = {name: row.number(name) for name in EDGES}
    for name, value in edges.items():
        if not -CLIP_SHARE <= value <= 1 + CLIP_SHARE:
            raise row.error(f"must be 0..1, a share of the picture, got {value}", field=name)
    if edges["left_col"] == edges["right_col"]:
        raise row.error(f"must not be left_col = {edges['left_col']}", field="right_col")
    if edges["top_row"] == edges["bottom_row"]:
        raise row.error(f"must not be top_row = {edges['top_row']}", field="bottom_row")
    return policy.clipped(
        policy.box(edges["left_col"], edges["top_row"], edges["right_col"], edges["bottom_row"])
    )


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
