"""The syntax tree of a query: names, literals, comparisons, and, or, not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    Value: TypeAlias = "Name | Literal"
    Tree: TypeAlias = "And | Or | Not | Compare | In | IsNull | Like | Literal"


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
    """A comparison of two values."""

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
    """Whether a value is unknown (NULL)."""

    value: Value


@dataclass(frozen=True)
class Like:
    """Whether a text matches a pattern: % matches anything, _ one character."""

    value: Value
    pattern: str
    ignores_case: bool


@dataclass(frozen=True)
class Not:
    """Negation (`not`)."""

    child: Tree


@dataclass(frozen=True)
class And:
    """Conjunction of several conditions (`and`)."""

    children: tuple[Tree, ...]


@dataclass(frozen=True)
class Or:
    """Disjunction of several conditions (`or`)."""

    children: tuple[Tree, ...]


MAX_SHOWN = 200


def shown(query: str) -> str:
    """Format a query for messages; a long one is truncated."""
    return repr(query) if len(query) <= MAX_SHOWN else f"{query[:MAX_SHOWN]!r}..."
