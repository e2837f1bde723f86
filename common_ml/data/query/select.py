"""Select the records that match a query.

A query is evaluated for every annotation, joined with its record; a record matches if one of its
annotations matches. A record without annotations is evaluated once, with NULL for all columns of
annotations. NULL makes a comparison neither true nor false, as in SQL.
"""

from __future__ import annotations

from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.data.query.columns import Columns, of_type
from common_ml.data.query.expression import (
    And,
    Compare,
    In,
    IsNull,
    Like,
    Literal,
    Name,
    Not,
    Or,
    shown,
)
from common_ml.data.query.parser import parse
from common_ml.data.store.engine import quoted
from common_ml.data.store.facts import add_facts
from common_ml.data.store.verdicts import JOIN, add_verdicts
from common_ml.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from common_ml.data.query.expression import Tree, Value
    from common_ml.data.store.duckdb_store import Store
    from common_ml.data.store.facts import Facts, Resolve


def select(
    store: Store,
    query: str,
    *,
    labels: Iterable[str],
    tags: Mapping[str, str],
    verdicts: Iterable[str],
    resolve: Resolve,
    facts: dict[str, Facts],
) -> npt.NDArray[np.int64]:
    """Return the numbers of the records that match a query, ascending.

    Args:
        store: The whole dataset.
        query: A query.
        labels: All labels of the dataset.
        tags: Source -> its value of `dataset.tag`.
        verdicts: Files of verdicts on the annotations.
        resolve: Finds the files.
        facts: Facts found in them before; new ones are added.

    Raises:
        QueryError: an invalid query, or an unknown name.
    """
    tree = parse(query)
    verdicts = list(verdicts)
    with store.engine() as connection:
        columns = Columns(
            connection, store, query=query, labels=labels, tags=tags, has_verdicts=bool(verdicts)
        )
        condition = _Conditions(columns, query).sql(tree)
        if columns.needs_verdicts:
            add_verdicts(connection, verdicts)
        if columns.needs_facts:
            add_facts(connection, store, resolve, facts)
        sql = f"SELECT DISTINCT r.number FROM {_tables(store, columns)} WHERE {condition}"
        numbers = connection.execute(f"{sql} ORDER BY r.number").fetchnumpy()["number"]
    return np.asarray(numbers, np.int64)


def _tables(store: Store, columns: Columns) -> str:
    tables = [f"{store.records_sql} AS r"]
    if columns.counted:
        counts = ", ".join(
            f"count(DISTINCT uid) FILTER (label = {quoted(label)}) AS {column}"
            for label, column in columns.counted.items()
        )
        wanted = ", ".join(map(quoted, columns.counted))
        tables.append(
            f"LEFT JOIN (SELECT coalesce(key, media) AS key, slot, {counts} "
            f"FROM {store.rows_sql()} WHERE label IN ({wanted}) AND coalesce(value, 1) = 1 "
            "GROUP BY 1, 2) AS c ON c.key = r.key AND c.slot = r.slot"
        )
    if columns.needs_rows:
        tables.append(
            f"JOIN {store.rows_sql()} AS t ON coalesce(t.key, t.media) = r.key "
            "AND t.slot = r.slot AND (t.label IS NOT NULL OR r.num_tags = 0)"
        )
    if columns.needs_verdicts:
        tables.append(JOIN)
    if columns.needs_facts:
        tables.append("LEFT JOIN facts AS f ON f.number = r.number")
    return " ".join(tables)


class _Conditions:
    """Compile a tree to SQL."""

    def __init__(self, columns: Columns, query: str) -> None:
        self._columns = columns
        self._query = query

    @singledispatchmethod
    def sql(self, tree: Any) -> str:
        """Compile a condition."""
        raise TypeError(f"no tree: {tree!r}")

    @sql.register
    def _(self, tree: And) -> str:
        return self._joined(tree.children, " AND ")

    @sql.register
    def _(self, tree: Or) -> str:
        return self._joined(tree.children, " OR ")

    @sql.register
    def _(self, tree: Not) -> str:
        return f"(NOT {self.sql(tree.child)})"

    @sql.register
    def _(self, tree: Literal) -> str:
        return _written(tree)

    @sql.register
    def _(self, tree: Compare) -> str:
        left, right = self._alike(tree.left, tree.right)
        return f"({left} {tree.operator} {right})"

    @sql.register
    def _(self, tree: In) -> str:
        choices: dict[str, list[str]] = {}  # the left side may have a different type for each
        for left, right in (self._alike(tree.value, choice) for choice in tree.choices):
            choices.setdefault(left, []).append(right)
        found = [f"{left} IN ({', '.join(rights)})" for left, rights in choices.items()]
        return f"({' OR '.join(found) or 'false'})"

    @sql.register
    def _(self, tree: IsNull) -> str:
        value = tree.value
        column = self._columns.column(value) if isinstance(value, Name) else None
        if column is None:
            return "false"
        # JSON null is not SQL NULL
        is_json_null = f" OR json_type({column.sql}) = 'NULL'" if column.type == "json" else ""
        return f"({column.sql} IS NULL{is_json_null})"

    @sql.register
    def _(self, tree: Like) -> str:
        value, pattern = self._alike(tree.value, Literal(tree.pattern))
        return f"({value} {'ILIKE' if tree.ignores_case else 'LIKE'} {pattern})"

    def _joined(self, children: Iterable[Tree], word: str) -> str:
        return f"({word.join(map(self.sql, children))})"

    def _alike(self, left: Value, right: Value) -> tuple[str, str]:
        """Compile both sides of a comparison to one type."""
        sides = (left, right)
        types = {self._type(side) for side in sides}
        plain = types - {"json"}
        if not plain:
            raise self._error(f"{left} and {right} may be anything: compare each with a value")
        if len(plain) > 1:
            raise self._error(f"{self._described(left)}, but {self._described(right)}")
        (wanted,) = plain
        made = []
        for side in sides:
            if isinstance(side, Literal):
                made.append(_written(side))
                continue
            column = self._columns.column(side)
            made.append(of_type(column, wanted) if column.type == "json" else column.sql)
        return made[0], made[1]

    def _type(self, value: Value) -> Any:
        if isinstance(value, Name):
            return self._columns.column(value).type
        if isinstance(value.value, bool):
            return "boolean"
        return "text" if isinstance(value.value, str) else "number"

    def _described(self, value: Value) -> str:
        shown = str(value) if isinstance(value, Name) else repr(value.value)
        return f"{shown} is a {self._type(value)}"

    def _error(self, message: str) -> QueryError:
        return QueryError(f"cannot compare: {message}; in {shown(self._query)}", query=self._query)


def _written(literal: Literal) -> str:
    value = literal.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value) if isinstance(value, str) else f"('{value!r}'::DOUBLE)"
