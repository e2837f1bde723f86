"""A query as a tree: parsed by DuckDB's own parser, and let through an allow list.

    labels.car > 3 and labels.person = 0 or file.type = 'image'

Nothing of the text itself is ever run: what is run is built anew from the tree.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from common_ml.data.engine import connect
from common_ml.data.expression import (
    Any_,
    Compare,
    Every,
    In,
    IsNull,
    Like,
    Literal,
    Name,
    Not,
    shown,
)
from common_ml.errors import QueryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from common_ml.data.expression import Tree, Value

    Node: TypeAlias = dict[str, Any]

EXAMPLE = "labels.car > 3 and file.type = 'image'"
OPENING = "SELECT 1 WHERE (\n"
MOST_CHARACTERS = 100_000
MOST_DEEP = 100
"""Conditions may stand in so many others."""
LONGEST_WHOLE = 40
"""Digits of a whole number; a longer one is taken as a float."""


def parse(query: str) -> Tree:
    """The tree of a query.

    Raises:
        QueryError: it is not one boolean expression, or has something in it that is not allowed.
    """
    if not isinstance(query, str) or not query.strip():
        raise QueryError(f"a query must be an expression such as {EXAMPLE}", query=str(query))
    if len(query) > MOST_CHARACTERS:
        raise QueryError(
            f"a query must have at most {MOST_CHARACTERS:,} characters, got {len(query):,}: "
            f"{shown(query)}; slices of slices combine",
            query=query,
        )
    return _Walk(query).condition(_where(query))


def _where(query: str) -> Node:
    """The condition, as DuckDB writes its syntax tree in JSON."""
    # The parenthesis on a line of its own: a comment at the query's end must not swallow it.
    try:
        document = _syntax(f"{OPENING}{query}\n)")
        alone = _syntax(f"SELECT 1 WHERE\n{query}")
    except RecursionError as error:
        raise _too_deep(query) from error
    if document["error"]:
        reason = document["error_message"]
        way_out = f"a query is one expression such as {EXAMPLE}"
        raise QueryError(f"cannot read the query {shown(query)}: {reason}; {way_out}", query=query)
    statements = document["statements"]
    node: Node = statements[0]["node"]
    where: Node | None = node.pop("where_clause", None)
    # What closes our parenthesis and goes on (LIMIT, UNION, GROUP BY) changes the rest, or is no
    # expression without it: `a = 1) or (b = 1`.
    if len(statements) != 1 or where is None or node != _frame() or alone["error"]:
        raise QueryError(
            f"a query must be one expression such as {EXAMPLE}, got {shown(query)}", query=query
        )
    return where


@cache
def _frame() -> Node:
    node: Node = _syntax(f"{OPENING}1 = 1\n)")["statements"][0]["node"]
    del node["where_clause"]
    return node


def _syntax(sql: str) -> Node:
    with connect(threads=1) as connection:
        call = "SELECT json_serialize_sql(?, skip_default := true, skip_empty := true, "
        row = connection.execute(call + "skip_null := true)", [sql]).fetchone()
    document: Node = json.loads(row[0]) if row else {}
    return document


def _too_deep(query: str) -> QueryError:
    return QueryError(
        f"a query may be nested {MOST_DEEP} deep, got {shown(query)}: slices of slices combine",
        query=query,
    )


class _Walk:
    """From DuckDB's syntax tree to ours; what is not in the tables is refused."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._depth = 0

    def condition(self, node: Node) -> Tree:
        """A part that is true or false."""
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
        if self._depth > MOST_DEEP:
            raise _too_deep(self._query)
        tree = steps[node["class"]](node)
        self._depth -= 1
        return tree

    def value(self, node: Node) -> Value:
        """A part that is a name, a number or a text."""
        if node["class"] == "COLUMN_REF":
            return Name(tuple(node["column_names"]))
        literal = _literal(node)
        if literal is None:
            raise self._refusal(node, _REASONS.get(node["class"], _NOT_ALLOWED))
        return literal

    def _conjunction(self, node: Node) -> Tree:
        children = tuple(map(self.condition, node["children"]))
        return Every(children) if node["type"] == "CONJUNCTION_AND" else Any_(children)

    def _comparison(self, node: Node) -> Tree:
        if node["type"] not in _COMPARISONS:
            raise self._refusal(node, _NOT_ALLOWED)
        return Compare(
            _COMPARISONS[node["type"]], self.value(node["left"]), self.value(node["right"])
        )

    def _between(self, node: Node) -> Tree:
        value = self.value(node["input"])
        lower, upper = self.value(node["lower"]), self.value(node["upper"])
        return Every((Compare(">=", value, lower), Compare("<=", value, upper)))

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
        raise self._refusal(node, f"is no question: compare it, as in {what} > 0")

    def _excerpt(self, node: Node) -> str:
        """The part of the query that the node stands for, where DuckDB (2.0 or newer) tells."""
        start = max(node.get("query_location", 0) - len(OPENING), 0)
        end = start + node.get("query_location_length", 0)
        return self._query.encode()[start:end].decode(errors="replace") or self._query

    def _refusal(self, node: Node, reason: str) -> QueryError:
        part = self._excerpt(node)
        where = "" if part == self._query else f"; in {shown(self._query)}"
        return QueryError(f"{shown(part)} {reason}{where}", query=self._query)


def _arguments(node: Node) -> list[Node]:
    if "arguments" in node:
        return [one["expression"] for one in node["arguments"]]
    return list(node.get("children", ()))  # DuckDB before 2.0


def _literal(node: Node) -> Literal | None:
    """A number, text or truth value; None for anything else, NULL included."""
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
    """As DuckDB before 2.0 writes it."""
    kind = value["type"]
    if value["is_null"]:
        return None
    content = value.get("value", "")  # an empty text is left out
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
    "INTEGER": lambda text: (int if len(text) <= LONGEST_WHOLE else float)(text),
    "NUMERIC": float,
    "STRING": str,
    "BOOLEAN": lambda text: text.lower() == "true",
}
_NOT_ALLOWED = (
    "is not allowed: a query has names, numbers, texts, = != < <= > >=, in, between, like, "
    "is null, and, or, not, parentheses"
)
_REASONS = {
    "SUBQUERY": "is not allowed: a query has no sub-selects",
    "FUNCTION": "is not allowed: a query has no functions and no arithmetic",
}
