"""Extract the docstrings of a class's fields, which Python discards."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from typing import Any


def field_docs(cls: type[Any]) -> dict[str, str]:
    """Return field -> the string literal below it, for the class and its bases.

    Fields without one are omitted, and so are classes without available source.
    """
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        docs.update(_own_docs(base))
    return docs


def _own_docs(cls: type[Any]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(cls))
        (definition,) = ast.parse(source).body
    except (OSError, TypeError, SyntaxError, ValueError):  # a builtin, or created at run time
        return {}
    if not isinstance(definition, ast.ClassDef):
        return {}
    body = definition.body
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
