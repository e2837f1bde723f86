"""Parse a query with DuckDB's parser, and check it against an allow list.

    labels.car > 3 and labels.person = 0 or file.type = 'image'

The text itself is never executed: SQL is generated from the tree.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

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
from common_ml.data.store.engine import connect
from common_ml.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from common_ml.data.query.expression import Tree, Value

    Node: TypeAlias = dict[str, Any]

EXAMPLE = "labels.car > 3 and file.type = 'image'"
OPENING = "SELECT 1 WHERE (\n"
MAX_CHARACTERS = 100_000
MAX_DEPTH = 100
"""Maximum nesting of conditions."""
MAX_INTEGER_DIGITS = 40
"""Digits of an integer; a longer one becomes a float."""


def parse(query: str) -> Tree:
    """Parse a query to its syntax tree.

    Raises:
        QueryError: it is not one boolean expression, or contains something not allowed.
    """
    if not isinstance(query, str) or not query.strip():
        raise QueryError(f"a query must be an expression such as {EXAMPLE}", query=str(query))
    if len(query) > MAX_CHARACTERS:
        raise QueryError(
            f"a query must have at most {MAX_CHARACTERS:,} characters, got {len(query):,}: "
            f"{shown(query)}; slices of slices combine",
            query=query,
        )
    return _Walk(query).condition(_where(query))


def _where(query: str) -> Node:
    """Return the condition as DuckDB's syntax tree in JSON."""
    # The parenthesis on its own line: a comment at the query's end must not hide it.
    try:
        document, alone = _syntax(f"{OPENING}{query}\n)", f"SELECT 1 WHERE\n{query}")
    except RecursionError as error:
        raise _too_deep(query) from error
    if document["error"]:
        reason = document["error_message"]
        hint = f"a query is one expression such as {EXAMPLE}"
        raise QueryError(f"cannot read the query {shown(query)}: {reason}; {hint}", query=query)
    statements = document["statements"]
    node: Node = statements[0]["node"]
    where: Node | None = node.pop("where_clause", None)
    # A query that closes our parenthesis and continues (LIMIT, UNION, GROUP BY) differs, or is no
    # expression without it: `a = 1) or (b = 1`.
    if len(statements) != 1 or where is None or node != _frame() or alone["error"]:
        raise QueryError(
            f"a query must be one expression such as {EXAMPLE}, got {shown(query)}", query=query
        )
    return where


@cache
def _frame() -> Node:
    (document,) = _syntax(f"{OPENING}1 = 1\n)")
    node: Node = document["statements"][0]["node"]
    del node["where_clause"]
    return node


def _syntax(*statements: str) -> list[Node]:
    call = "json_serialize_sql(?, skip_default := true, skip_empty := true, skip_null := true)"
    with connect(threads=1) as connection:  # one: opening it costs more than all else
        rows = [connection.execute(f"SELECT {call}", [one]).fetchone() for one in statements]
    return [json.loads(row[0]) if row else {} for row in rows]


def _too_deep(query: str) -> QueryError:
    return QueryError(
        f"a query may be nested {MAX_DEPTH} deep, got {shown(query)}: slices of slices combine",
        query=query,
    )


class _Walk:
    """Convert DuckDB's syntax tree to ours; what is not in the tables is refused."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._depth = 0

    def condition(self, node: Node) -> Tree:
        """Convert a boolean part."""
        steps: dict[str, Callable[[Node], Tree]] = {
            "BETWEEN": self._between,
            "CAST": self._boolean,
            "COLUMN_REF": self._boolean,
            "COMPARISON": self._comparison,
            "CONJUNCTION": self._conjunction,
            "CONSTANT": self._boolean,
            "FUNCTION": self._function,
            "OPERATOR": self._operator,
        }
        if node["class"] not in steps:
            raise self._refusal(node, _REASONS.get(node["class"], _NOT_ALLOWED))
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _too_deep(self._query)
        tree = steps[node["class"]](node)
        self._depth -= 1
        return tree

    def value(self, node: Node) -> Value:
        """Convert a name, a number or a text."""
        if node["class"] == "COLUMN_REF":
            return Name(tuple(node["column_names"]))
        literal = _literal(node)
        if literal is None:
            raise self._refusal(node, _REASONS.get(node["class"], _NOT_ALLOWED))
        return literal

    def _conjunction(self, node: Node) -> Tree:
        children = tuple(map(self.condition, node["children"]))
        return And(children) if node["type"] == "CONJUNCTION_AND" else Or(children)

    def _comparison(self, node: Node) -> Tree:
        if node["type"] not in _COMPARISONS:
            raise self._refusal(node, _NOT_ALLOWED)
        return Compare(
            _COMPARISONS[node["type"]], self.value(node["left"]), self.value(node["right"])
        )

    def _between(self, node: Node) -> Tree:
        value = self.value(node["input"])
        lower, upper = self.value(node["lower"]), self.value(node["upper"])
        return And((Compare(">=", value, lower), Compare("<=", value, upper)))

    def _operator(self, node: Node) -> Tree:
        kind, children = node["type"], node["children"]
        if kind == "OPERATOR_NOT":
            return Not(self.condition(children[0]))
        if kind in {"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"}:
            unknown = IsNull(self.value(children[0]))
            return unknown if kind == "OPERATOR_IS_NULL" else Not(unknown)
        if kind in {"COMPARE_IN", "COMPARE_NOT_IN"}:
            value, *choices = map(self.value, children)
            found = In(value, tuple(choices))
            return found if kind == "COMPARE_IN" else Not(found)
        raise self._refusal(node, _NOT_ALLOWED)

    def _function(self, node: Node) -> Tree:
        name, arguments = node["function_name"], _arguments(node)
        if node.get("is_operator") and name in _LIKES:
            ignores_case, is_negative = _LIKES[name]
            value, pattern = map(self.value, arguments)
            if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
                raise self._refusal(node, "needs a text in single quotes")
            like = Like(value, pattern.value, ignores_case)
            return Not(like) if is_negative else like
        if name == "contains" and arguments[0].get("function_name") == "list_value":
            choices = tuple(map(self.value, _arguments(arguments[0])))  # x IN [1, 2]
            return In(self.value(arguments[1]), choices)
        raise self._refusal(node, _REASONS["FUNCTION"])

    def _boolean(self, node: Node) -> Tree:
        literal = _literal(node)
        if literal is not None and isinstance(literal.value, bool):
            return literal
        if node["class"] == "CAST":
            raise self._refusal(node, _NOT_ALLOWED)
        what = self._excerpt(node)
        raise self._refusal(node, f"is not a condition; hint: compare it, as in {what} > 0")

    def _excerpt(self, node: Node) -> str:
        """Return the query text of a node, where DuckDB (2.0 or newer) gives its position."""
        start = max(node.get("query_location", 0) - len(OPENING), 0)
        end = start + node.get("query_location_length", 0)
        return self._query.encode()[start:end].decode(errors="replace") or self._query

    def _refusal(self, node: Node, reason: str) -> QueryError:
        part = self._excerpt(node)
        unquoted = _UNQUOTED.search(part) if reason == _REASONS["FUNCTION"] else None
        if unquoted is not None:
            root, name = unquoted.groups()
            reason += f'; hint: if that is a name, quote it, as in {root}."{name}"'
        where = "" if part == self._query else f"; in {shown(self._query)}"
        return QueryError(f"{shown(part)} {reason}{where}", query=self._query)


def _arguments(node: Node) -> list[Node]:
    if "arguments" in node:
        return [one["expression"] for one in node["arguments"]]
    return list(node.get("children", ()))  # DuckDB before 2.0


def _literal(node: Node) -> Literal | None:
    """Convert a number, text or boolean; None for anything else, NULL included."""
    if "literal" in node:
        kind, text = node["literal"]["kind"], node["literal"].get("text", "")
        return Literal(_LITERALS[kind](text)) if kind in _LITERALS else None
    if node["class"] == "CAST":  # `true` before 2.0
        inner = _literal(node["child"])
        is_boolean = node.get("cast_type", {}).get("id") == "BOOLEAN"
        if is_boolean and inner is not None and inner.value in ("t", "f"):
            return Literal(inner.value == "t")
        return None
    if node["class"] == "CONSTANT":
        return _old_literal(node["value"])
    return None


def _old_literal(value: Node) -> Literal | None:
    """Convert a constant as written by DuckDB before 2.0."""
    kind = value["type"]
    if value["is_null"]:
        return None
    content = value.get("value", "")  # an empty text is omitted
    if kind["id"] == "DECIMAL" and isinstance(content, int):
        return Literal(content / 10 ** kind["type_info"].get("scale", 0))
    return Literal(content) if isinstance(content, (bool, int, float, str)) else None


_COMPARISONS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
}
_LIKES = {"~~": (False, False), "!~~": (False, True), "~~*": (True, False), "!~~*": (True, True)}
"""Operator -> whether it ignores case, whether it is negative."""
_LITERALS: dict[str, Callable[[str], int | float | str | bool]] = {
    "INTEGER": lambda text: (int if len(text) <= MAX_INTEGER_DIGITS else float)(text),
    "NUMERIC": float,
    "STRING": str,
    "BOOLEAN": lambda text: text.lower() == "true",
}
_UNQUOTED = re.compile(r"\b(labels|attributes|file)\.(\w+(?:[-/+*:]\w+)+)")
"""Return a name with an operator in it, such as labels.traffic-light."""
_NOT_ALLOWED = (
    "is not allowed: a query has names, numbers, texts, = != < <= > >=, in, between, like, "
    "is null, and, or, not, parentheses"
)
_REASONS = {
    "SUBQUERY": "is not allowed: a query has no sub-selects",
    "FUNCTION": "is not allowed: a query has no functions and no arithmetic",
}
