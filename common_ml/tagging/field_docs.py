"""What stands under the fields of a class: the docstrings that Python throws away."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from typing import Any


def field_docs(cls: type[Any]) -> dict[str, str]:
    """Returns field -> the text that stands as a string under it, of the class and its bases.

    Fields without one are left out, and so is a class whose source cannot be had.
    """
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        docs.update(_own_docs(base))
    return docs


def _own_docs(cls: type[Any]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(cls))
        (definition,) = ast.parse(source).body
    except (OSError, TypeError, SyntaxError, ValueError):  # a builtin, or made at run time
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
