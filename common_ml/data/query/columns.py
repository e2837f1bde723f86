"""Resolve the names in a query to SQL columns."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, NamedTuple

from common_ml.data.query.expression import Name, shown
from common_ml.data.store.engine import quoted
from common_ml.errors import QueryError
from common_ml.tagging.confidence import CONFIDENCE_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

    from common_ml.data.store.duckdb_store import Store

Type = Literal["number", "text", "json"]


class Column(NamedTuple):
    """A resolved name."""

    sql: str
    type: Type
    """`json`: any type, distinguished row by row."""


_NUMBERS = "('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')"


def _ratio(key: str) -> str:
    """Return SQL for a value of `additional_info`, where it is a number from 0 to 1."""
    number = f"json_extract(t.info, '/{key}')::DOUBLE"
    is_number = f"json_type(t.info, '/{key}') IN {_NUMBERS}"
    return f"CASE WHEN {is_number} AND {number} BETWEEN 0 AND 1 THEN {number} END"


_RESERVED = {
    "duration": Column("f.duration", "number"),
    "height": Column("f.height", "number"),
    "id": Column("coalesce(json_extract_string(r.header, '/id'), r.key)", "text"),
    "kind": Column("nullif(r.kind, '')", "text"),
    "original_filename": Column(
        "coalesce(json_extract_string(r.header, '/metadata/original_filename'), "
        r"regexp_replace(r.media, '^.*[/\\]', ''))",
        "text",
    ),
    "path": Column("r.media", "text"),
    "type": Column("nullif(r.kind, '')", "text"),
    "width": Column("f.width", "number"),
}
"""Field of a file -> what it is; the others are metadata."""
FACTS = ("duration", "height", "width")
"""Fields that may have to be read from the media."""

_TAG_LEVEL = {
    "confidence": Column(f"coalesce({', '.join(map(_ratio, CONFIDENCE_KEYS))})", "number"),
    "end_time": Column("t.end_time", "number"),
    "label": Column("t.label", "text"),
    "note": Column("v.note", "text"),
    "start_time": Column("t.start_time", "number"),
    "track": Column("CASE WHEN t.label IS NOT NULL THEN coalesce(t.track, '') END", "text"),
    "value": Column("CASE WHEN t.label IS NOT NULL THEN coalesce(t.value, 1) END", "number"),
    "verdict": Column("v.verdict", "text"),
}
"""Columns of annotations; times in milliseconds."""
CONFIDENCE_SQL = _TAG_LEVEL["confidence"].sql
"""Confidence of the annotation `t`; NULL where there is none."""
VERDICTS = ("verdict", "note")
"""Columns of annotations that reviewers have filled in."""
_ROOTS = ("labels", "file", "attributes", "dataset", *_TAG_LEVEL)


class Columns:
    """The columns of the view for one query."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        store: Store,
        *,
        query: str,
        labels: Iterable[str],
        tags: Mapping[str, str],
        has_verdicts: bool,
    ) -> None:
        self.counted: dict[str, str] = {}
        """Label -> column of its number, for the labels that the query names."""
        self.needs_rows = False
        """Whether the query is about single annotations."""
        self.needs_verdicts = False
        """Whether the query is about verdicts."""
        self.needs_facts = False
        """Whether the query needs facts read from the media."""
        self._connection = connection
        self._store = store
        self._query = query
        self._labels = tuple(labels)
        self._tags = tags
        self._has_verdicts = has_verdicts

    def column(self, name: Name) -> Column:
        """Resolve a name.

        Raises:
            QueryError: an unknown name; with a suggestion.
        """
        root, rest = name.parts[0], name.parts[1:]
        if root in _TAG_LEVEL and not rest:
            self.needs_rows = True
            self.needs_verdicts = self.needs_verdicts or root in VERDICTS
            return _TAG_LEVEL[root]
        homes = {
            "labels": self._label,
            "file": self._file,
            "attributes": self._attribute,
            "dataset": self._dataset,
        }
        if root not in homes:
            raise self._unknown_root(name)
        if not rest:
            raise self._error(f"{root} needs a name behind it, as in {_EXAMPLES[root]}")
        return homes[root](name, rest)

    def _label(self, name: Name, rest: tuple[str, ...]) -> Column:
        wanted = ".".join(rest)
        if wanted not in self._labels:
            # As in Diffgram, an underscore matches a blank.
            alike = [label for label in self._labels if label.replace(" ", "_") == wanted]
            if len(alike) != 1:
                raise self._unknown(name, "label", wanted, self._labels)
            wanted = alike[0]
        column = self.counted.setdefault(wanted, f"n{len(self.counted)}")
        return Column(f"coalesce(c.{column}, 0)", "number")

    def _file(self, name: Name, rest: tuple[str, ...]) -> Column:
        if len(rest) == 1 and rest[0] in _RESERVED:
            self.needs_facts = self.needs_facts or rest[0] in FACTS
            return _RESERVED[rest[0]]
        key = rest[1:] if rest[0] == "metadata" and len(rest) > 1 else rest
        known = self._keys("json_keys(header, '/metadata')", self._store.records_sql)
        if key[0] not in known:
            raise self._unknown(name, "field", ".".join(key), [*_RESERVED, *known])
        return Column(f"json_extract(r.header, {_pointer('metadata', *key)})", "json")

    def _attribute(self, name: Name, rest: tuple[str, ...]) -> Column:
        pointer, rows = _pointer(*rest), self._store.rows_sql()
        there = f"SELECT 1 FROM {rows} WHERE json_exists(info, {pointer}) LIMIT 1"
        if not self._connection.execute(there).fetchall():
            if self._has_verdicts and len(rest) == 1 and rest[0] in VERDICTS:
                return self.column(Name(rest))  # as records have them
            known = self._keys("json_keys(info)", f"(SELECT DISTINCT info FROM {rows})")
            raise self._unknown(name, "attribute", ".".join(rest), known)
        self.needs_rows = True
        return Column(f"json_extract(t.info, {pointer})", "json")

    def _dataset(self, name: Name, rest: tuple[str, ...]) -> Column:
        self.needs_rows = True
        if rest == ("id",):
            return Column("t.source", "text")
        if rest == ("tag",):
            cases = " ".join(
                f"WHEN {quoted(source)} THEN {quoted(tag)}"
                for source, tag in self._tags.items()
                if tag
            )
            return Column(f"CASE t.source {cases} END" if cases else "NULL::VARCHAR", "text")
        raise self._unknown(name, "field", ".".join(rest), ["id", "tag"])

    def _keys(self, keys: str, table: str) -> list[str]:
        sql = f"SELECT DISTINCT unnest({keys}) FROM {table}"
        return sorted(row[0] for row in self._connection.execute(sql).fetchall())

    def _unknown_root(self, name: Name) -> QueryError:
        root = ".".join(name.parts)
        if root in self._labels:
            quotes = f"'{root}'"  # not quoted(): as the user types it, not SQL
            return self._error(
                f"unknown name {root!r}: did you mean the text {quotes}, which stands in single "
                f"quotes, or labels.{name}?"
            )
        near = get_close_matches(name.parts[0].lower(), _ROOTS, n=1)
        if near:
            meant = ".".join((near[0], *name.parts[1:]))
            return self._error(f"unknown name {root!r}: did you mean {meant}?")
        known = "labels.<name>, file.<field>, attributes.<name>, dataset.id, dataset.tag"
        return self._error(
            f"unknown name {root!r}: expected {known}, {', '.join(_TAG_LEVEL)}; "
            "a text stands in single quotes"
        )

    def _unknown(self, name: Name, what: str, wanted: str, known: Iterable[str]) -> QueryError:
        listed = sorted(set(known))
        near = get_close_matches(wanted, listed, n=1) or _but_for_case(wanted, listed)
        if near:
            part = near[0] if near[0].isidentifier() else f'"{near[0]}"'
            return self._error(f"unknown {what} {name}: did you mean {name.parts[0]}.{part}?")
        some = ", ".join(listed[:10]) + (", ..." if len(listed) > 10 else "")
        return self._error(f"unknown {what} {name}: there is {some or 'none'}")

    def _error(self, message: str) -> QueryError:
        return QueryError(f"{message} (in {shown(self._query)})", query=self._query)


_EXAMPLES = {
    "labels": "labels.car > 3",
    "file": "file.type = 'image'",
    "attributes": "attributes.colour = 'red'",
    "dataset": "dataset.tag = 'night'",
}


def of_type(column: Column, wanted: Literal["number", "text", "boolean"]) -> str:
    """Return SQL for the value of a JSON column, where it is of a type; NULL elsewhere."""
    kinds = {"number": _NUMBERS, "text": "('VARCHAR')", "boolean": "('BOOLEAN')"}
    casts = {
        "number": f"({column.sql})::DOUBLE",
        "text": f"json_extract_string({column.sql}, '$')",
        "boolean": f"({column.sql})::BOOLEAN",
    }
    return f"CASE WHEN json_type({column.sql}) IN {kinds[wanted]} THEN {casts[wanted]} END"


def _pointer(*keys: str) -> str:
    steps = (key.replace("~", "~0").replace("/", "~1") for key in keys)
    return quoted("".join(f"/{step}" for step in steps))


def _but_for_case(wanted: str, known: Iterable[str]) -> list[str]:
    return [one for one in known if one.casefold() == wanted.casefold()]
