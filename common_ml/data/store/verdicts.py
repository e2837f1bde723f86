"""Verdicts of reviewers on annotations: a table for queries, attributes of records."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from common_ml.tagging.tags_file.verdicts import TagKey, read_verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

    from common_ml.data.record import Annotation
    from common_ml.tagging.tags_file.verdicts import Verdict

JOIN = (
    "LEFT JOIN verdicts AS v ON v.media = t.media AND v.label = t.label "
    "AND v.track = coalesce(t.track, '') AND v.start_time = t.start_time "
    "AND v.end_time = t.end_time AND v.frame IS NOT DISTINCT FROM t.frame "
    + " ".join(f"AND v.{edge} IS NOT DISTINCT FROM t.{edge}" for edge in ("x1", "y1", "x2", "y2"))
)
"""Joins the table to the annotations `t`."""


def add_verdicts(connection: duckdb.DuckDBPyConnection, paths: Iterable[str]) -> None:
    """Make a table `verdicts` of the last verdict on each annotation.

    Args:
        connection: The connection.
        paths: Files of verdicts; later ones override earlier ones.

    Raises:
        WireError: a line is not a verdict.
    """
    import pyarrow as pa

    rows = [_row(verdict) for verdict in _read(paths).values()]
    text, whole, real = pa.string(), pa.int64(), pa.float64()
    kinds = (text, text, text, whole, whole, whole, real, real, real, real, text, text)
    names = (
        "media", "label", "track", "start_time", "end_time", "frame", "x1", "y1", "x2", "y2",
        "verdict", "note",
    )  # fmt: skip
    columns = {
        name: pa.array([row[place] for row in rows], kind)
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    connection.register("verdicts", pa.table(columns))


def _row(verdict: Verdict) -> tuple[Any, ...]:
    key = verdict.tag
    box = key.box or (None, None, None, None)
    return (
        key.source_media, key.tag, key.track, key.start_time, key.end_time, key.frame_idx, *box,
        verdict.verdict, verdict.note or None,
    )  # fmt: skip


def _read(paths: Iterable[str]) -> dict[TagKey, Verdict]:
    found: dict[TagKey, Verdict] = {}
    for path in paths:
        found.update(read_verdicts(path))
    return found


class Verdicts:
    """The verdicts of files: read when first needed, and again when a file has changed."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self.paths = tuple(paths)
        self._version: list[tuple[int, int]] | None = None
        self._found: dict[TagKey, Verdict] = {}

    def added_to(self, annotation: Annotation, row: Mapping[str, Any]) -> Annotation:
        """Add what was said about an annotation to its attributes, as `verdict` and `note`.

        Attributes of these names that it has already stay.

        Args:
            annotation: The annotation.
            row: The row that it was made of.

        Raises:
            WireError: a line is not a verdict.
        """
        if not self.paths:
            return annotation
        said = self._current().get(_key(row))
        if said is None:
            return annotation
        named = {"verdict": said.verdict, "note": said.note}
        attributes = {name: text for name, text in named.items() if text}
        return replace(annotation, attributes={**attributes, **annotation.attributes})

    def _current(self) -> dict[TagKey, Verdict]:
        facts = [os.stat(path) for path in self.paths]  # noqa: PTH116 - a text, not a path
        version = [(one.st_size, one.st_mtime_ns) for one in facts]
        if version != self._version:
            self._found = _read(self.paths)
            self._version = version
        return self._found


def _key(row: Mapping[str, Any]) -> TagKey:
    edges = (row["x1"], row["y1"], row["x2"], row["y2"])
    box = None if None in edges else edges
    times = row["start_time"], row["end_time"]
    return TagKey(row["media"], row["label"], row["track"] or "", *times, row["frame"], box)
