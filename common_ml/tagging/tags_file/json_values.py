"""Convert values that JSON does not support to equivalent ones.

orjson encodes most values natively: str, int, float (NaN and infinities as null), lists, dicts,
enums, dates and times, contiguous numpy arrays. `simplify` is its `default` for the others. Only if
it fails, `plain` traverses the value, converts keys to strings, and reports unsupported values.

Values that the `json` module supports and orjson does not become strings: an int of more than 64
bits its digits, a lone surrogate its escape, a value nested more than `DEPTH_LIMIT` levels deep its
JSON. If two keys become the same string, the last one is kept.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy as np
import orjson

from common_ml.errors import MessageError
from common_ml.tagging import field_values
from common_ml.tagging.tensors import is_tensor, tensor_array

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS
DEPTH_LIMIT = 100  # levels of lists and dicts; orjson stops at 254
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1  # the range of orjson
PATH_LENGTH = 60  # characters of the path of something too deep


def simplify(value: Any) -> Any:
    """Convert a value one step closer to JSON.

    Raises:
        TypeError: the value has no equivalent in JSON.
    """
    for kind, simpler in SIMPLER.items():
        if isinstance(value, kind):
            return simpler(value)
    if is_tensor(value):
        return _simplify_array(tensor_array(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"a {type(value).__name__} has no meaning in JSON")


def _simplify_array(array: np.ndarray[Any, Any]) -> Any:
    """Return an array that orjson supports, or a list, or a scalar for 0 dimensions."""
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)  # a long double
    if array.dtype == np.float16:
        array = array.astype(np.float32)  # orjson supports it since 3.10.4, with the same output
    if array.dtype.kind in "cmSV":  # complex, time difference, bytes, structure
        raise TypeError(f"an array of {array.dtype} has no meaning in JSON")
    if array.dtype.kind == "M" and array.ndim == 0 and np.isnat(array):
        return None
    if array.dtype.kind not in "biufM":
        return array.tolist()  # strings and objects: converted one by one (0-d: a scalar)
    if array.ndim == 0:
        # orjson supports float32 with its shortest digits, but not all ints (long long)
        return array[()] if array.dtype.kind in "fM" else array.item()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


SIMPLER: dict[type[Any], Callable[[Any], Any]] = {
    np.ndarray: _simplify_array,
    np.generic: lambda value: _simplify_array(np.asarray(value)),
    tuple: list,
    Mapping: dict,
    float: float,
    os.PathLike: os.fspath,
}
"""Type -> its conversion; `simplify` uses the first match."""


def plain(value: Any, path: str, ancestors: tuple[int, ...] = ()) -> Any:
    """Convert `value` recursively to types that orjson supports.

    Raises:
        MessageError: a nested value is not supported; `.field` is its path.
    """
    if id(value) in ancestors:
        raise MessageError(f"{path} cannot be written: it contains itself", field=path)
    if len(ancestors) > DEPTH_LIMIT and isinstance(value, (dict, list, tuple)):
        return _nested_text(value, path)
    inner = (*ancestors, id(value))
    if isinstance(value, Enum):
        return plain(value.value, path, inner)
    if isinstance(value, dict):
        return _plain_object(value, path, inner)
    if isinstance(value, list):
        return [plain(element, f"{path}[{i}]", inner) for i, element in enumerate(value)]
    if isinstance(value, str):
        return _plain_text(value, path)
    return _plain_end(value, path, inner)


def _plain_end(value: Any, path: str, inner: tuple[int, ...]) -> Any:
    """Convert a value that is not a container."""
    if isinstance(value, int) and not _MIN_INT <= value <= _MAX_INT:
        if path.startswith("additional_info"):
            return _digits(value, path)
        raise unwritable(path, value, "it has more than 64 bits")
    try:
        orjson.dumps(value, option=OPTIONS)
    except TypeError as refused:
        try:
            simpler = simplify(value)
        except TypeError as error:
            known = isinstance(value, time)  # otherwise orjson's error has no reason
            raise unwritable(path, value, str(refused if known else error)) from error
        return plain(simpler, path, inner)
    return value


def _plain_object(value: dict[Any, Any], path: str, inner: tuple[int, ...]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, element in value.items():
        name = _key(key, path)
        result[name] = plain(element, f"{path}.{name}" if path else name, inner)
    return result


def _key(key: Any, path: str) -> str:
    """Return a dict key as JSON text without quotes: true, 5, 0.5, null."""
    if isinstance(key, Enum):
        return _key(key.value, path)
    if isinstance(key, str):
        return _plain_text(key, path)
    if isinstance(key, float) and not math.isfinite(key):
        return str(float(key))
    if isinstance(key, int) and not isinstance(key, bool):
        return str(_digits(int(key), path))
    if isinstance(key, tuple):
        return str(tuple(plain(element, path) for element in key))
    try:
        written = orjson.dumps(key, default=simplify, option=OPTIONS).decode()
    except TypeError as error:
        raise unwritable(path, key, "a key becomes a str") from error
    if written[0] in "[{":
        raise unwritable(path, key, "a key becomes a str")
    return str(orjson.loads(written)) if written[0] == '"' else written


def _plain_text(value: str, path: str) -> str:
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        if path == "source_media":  # the runtime compares it with the exact name that it sent
            half = f"character {error.start} is half of a surrogate pair"
            raise unwritable(path, text, half) from error
        return text.encode(errors="backslashreplace").decode()
    return text


def _digits(value: int, path: str) -> str:
    try:
        return int.__repr__(value)
    except ValueError as error:  # more digits than Python converts
        raise MessageError(
            f"{path} cannot be written: {error}; hint: make it smaller", field=path
        ) from error


def _nested_text(value: Any, path: str) -> str:
    """Encode a value that is nested too deep for orjson and many readers."""
    start = f"{path[:PATH_LENGTH]}..."
    try:
        return json.dumps(value, default=_simplest)
    except (TypeError, ValueError, RecursionError) as error:  # ValueError: it contains itself
        message = f"{start} cannot be written: more than {DEPTH_LIMIT} levels deep, {error}"
        raise MessageError(f"{message}; hint: write it flatter", field=start) from error


def _simplest(value: Any) -> Any:
    simpler = simplify(value)
    return simpler.tolist() if isinstance(simpler, (np.ndarray, np.generic)) else simpler


def unwritable(path: str, value: Any, reason: str) -> MessageError:
    """Return the error about the value at `path`."""
    hint = next((words for kind, words in _HINTS.items() if isinstance(value, kind)), "")
    message = (
        f"{path} cannot be written: {reason}, got {field_values.shown(value)}"
        f"; hint: {hint or 'make it numbers, strings, lists and dicts'}"
    )
    return MessageError(message, field=path)


_HINTS: dict[type[Any] | tuple[type[Any], ...], str] = {
    str: "decode the text with errors='replace'",
    int: "make it smaller",
    (bytes, bytearray, memoryview): "base64.b64encode() it, or .decode() what is text",
    (set, frozenset): "sorted() it",
    (Decimal, Fraction): "float() it",
    complex: "take .real and .imag, or abs()",
    timedelta: ".total_seconds() it",
}
