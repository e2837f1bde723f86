"""What a query is made of: names, values, comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    Value: TypeAlias = "Name | Literal"
    Tree: TypeAlias = "Every | Any_ | Not | Compare | In | IsNull | Like | Literal"


@dataclass(frozen=True)
class Name:
    """A column of the view, such as `labels.car`."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(part if part.isidentifier() else f'"{part}"' for part in self.parts)


@dataclass(frozen=True)
class Literal:
    """A number, a text, true or false."""

    value: int | float | str | bool


@dataclass(frozen=True)
class Compare:
    """Two values beside each other."""

    operator: str
    """One of `=`, `<>`, `<`, `<=`, `>`, `>=`."""
    left: Value
    right: Value


@dataclass(frozen=True)
class In:
    """Whether a value is one of several."""

    value: Value
    choices: tuple[Value, ...]


@dataclass(frozen=True)
class IsNull:
    """Whether nothing is known of a value."""

    value: Value


@dataclass(frozen=True)
class Like:
    """Whether a text has a form in which % stands for anything and _ for one character."""

    value: Value
    pattern: str
    ignores_case: bool


@dataclass(frozen=True)
class Not:
    """The opposite."""

    child: Tree


@dataclass(frozen=True)
class Every:
    """All of several conditions (`and`)."""

    children: tuple[Tree, ...]


@dataclass(frozen=True)
class Any_:  # noqa: N801 - `Any` is taken
    """At least one of several conditions (`or`)."""

    children: tuple[Tree, ...]


MOST_SHOWN = 200


def shown(query: str) -> str:
    """A query as messages have it; of a long one the beginning."""
    return repr(query) if len(query) <= MOST_SHOWN else f"{query[:MOST_SHOWN]!r}..."


def names(tree: Tree | Value) -> Iterator[Name]:
    """The names in a tree, in order, repetitions included."""
    if isinstance(tree, Name):
        yield tree
    elif isinstance(tree, (Every, Any_)):
        for child in tree.children:
            yield from names(child)
    elif isinstance(tree, Not):
        yield from names(tree.child)
    elif isinstance(tree, Compare):
        yield from names(tree.left)
        yield from names(tree.right)
    elif isinstance(tree, In):
        for value in (tree.value, *tree.choices):
            yield from names(value)
    elif isinstance(tree, (IsNull, Like)):
        yield from names(tree.value)
