"""JSON with integers beyond 64 bits, written and read exactly."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGE_INT = re.compile(r"\d{19}")
"""What orjson may read as a float."""
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def json_bytes(
    value: Any,
    *,
    indent: bool = False,
    newline: bool = False,
    default: Callable[[Any], Any] | None = None,
) -> bytes:
    r"""Serialise a value as JSON in UTF-8; NaN becomes null, a lone surrogate "?".

    Args:
        value: Anything that JSON can hold, and NumPy's numbers and arrays.
        indent: Whether it is indented.
        newline: Whether it ends in b"\n".
        default: What is written for anything else, as `str`; None for a TypeError.
    """
    options = _OPTIONS
    options |= orjson.OPT_INDENT_2 if indent else 0
    options |= orjson.OPT_APPEND_NEWLINE if newline else 0
    try:
        return orjson.dumps(value, default=default, option=options)
    except TypeError:  # an integer beyond 64 bits or a lone surrogate: json supports both
        text = json.dumps(
            _plain(value, default),
            ensure_ascii=False,
            allow_nan=False,
            indent=2 if indent else None,
            separators=None if indent else (",", ":"),
        )
        encoded = text.encode("utf-8", "replace")
        return encoded + b"\n" if newline else encoded


def json_value(text: str) -> Any:
    """Parse what `json_bytes` gives.

    Raises:
        ValueError: invalid JSON.
    """
    return json.loads(text) if _LARGE_INT.search(text) else orjson.loads(text)


def _plain(value: Any, default: Callable[[Any], Any] | None) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one, default) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one, default) for one in value]
    if isinstance(value, int) or value is None or isinstance(value, str):
        return value
    return orjson.loads(orjson.dumps(value, default=default, option=_OPTIONS))
