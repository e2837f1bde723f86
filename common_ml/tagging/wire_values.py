"""Values that JSON does not know, written as what they mean.

orjson writes most by itself: str, int, float (NaN and infinities as null), lists, dicts, enums,
dates and times, contiguous numpy arrays. `simplify` is its `default` for the others. Only where it
refuses, `plain` walks through the value, makes its keys strings, and names what cannot be written.
"""

from __future__ import annotations

import dataclasses
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
from common_ml.tagging import checks

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS
DEPTH_LIMIT = 100  # levels of lists and dicts; orjson stops at 254
PATH_LENGTH = 60  # characters of the path of something too deep


def simplify(value: Any) -> Any:
    """Returns something nearer to JSON that means the same.

    Raises:
        TypeError: the value has no meaning in JSON.
    """
    for kind, simpler in SIMPLER.items():
        if isinstance(value, kind):
            return simpler(value)
    if checks.is_tensor(value):
        return _simplify_array(checks.tensor_array(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"a {type(value).__name__} has no meaning in JSON")


def _simplify_array(array: np.ndarray[Any, Any]) -> Any:
    """Returns an array that orjson writes by itself, or a list, or a scalar for 0 dimensions."""
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)  # a long double
    if array.dtype == np.float16:
        array = array.astype(np.float32)  # orjson knows it since 3.10.4, and writes the same
    if array.dtype.kind in "cmSV":  # complex, time difference, bytes, structure
        raise TypeError(f"an array of {array.dtype} has no meaning in JSON")
    if array.dtype.kind == "M" and array.ndim == 0 and np.isnat(array):
        return None
    if array.dtype.kind not in "biufM":
        return array.tolist()  # texts and objects: the elements come one by one (0-d: itself)
    if array.ndim == 0:
        # orjson knows float32 and its shortest digits; of the ints not every one (long long)
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
"""Type -> what gives its meaning; `simplify` takes the first that fits."""


def plain(value: Any, path: str, ancestors: tuple[int, ...] = ()) -> Any:
    """Returns `value` in types that orjson writes without help.

    Raises:
        MessageError: something in it cannot be written; `.field` says where it stands.
    """
    if id(value) in ancestors:
        raise MessageError(f"{path} cannot be written: it contains itself", field=path)
    if len(ancestors) > DEPTH_LIMIT:
        start = f"{path[:PATH_LENGTH]}..."
        too_deep = f"it goes more than {DEPTH_LIMIT} levels deep: write it flatter"
        raise MessageError(f"{start} cannot be written: {too_deep}", field=start)
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
    """Returns a value in which orjson sees no other values."""
    try:
        orjson.dumps(value, option=OPTIONS)
    except TypeError as refused:
        try:
            simpler = simplify(value)
        except TypeError as error:
            known = isinstance(value, int | time)  # else orjson says only that it cannot
            raise unwritable(path, value, str(refused if known else error)) from error
        return plain(simpler, path, inner)
    return value


def _plain_object(value: dict[Any, Any], path: str, inner: tuple[int, ...]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, element in value.items():
        name = _key(key, path)
        where = f"{path}.{name}" if path else name
        if name in result:
            twice = f'two keys become "{name}"'
            raise MessageError(f"{where} cannot be written: {twice}", field=where)
        result[name] = plain(element, where, inner)
    return result


def _key(key: Any, path: str) -> str:
    """Returns a dict's key as JSON has it: true, 5, 0.5, null, without quotes."""
    if isinstance(key, Enum):
        return _key(key.value, path)
    if isinstance(key, str):
        return _plain_text(key, path)
    if isinstance(key, float) and not math.isfinite(key):
        return str(float(key))
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
        half = f"character {error.start} is half of a surrogate pair"
        raise unwritable(path, text, half) from error
    return text


def unwritable(path: str, value: Any, reason: str) -> MessageError:
    """Returns the error about a value that stands at `path`."""
    way_out = next((words for kind, words in WAYS_OUT.items() if isinstance(value, kind)), "")
    way_out = f": {way_out or 'make it numbers, strings, lists and dicts'}"
    message = f"{path} cannot be written: {reason}, got {checks.shown(value)}{way_out}"
    return MessageError(message, field=path)


WAYS_OUT: dict[type[Any] | tuple[type[Any], ...], str] = {
    str: "decode the text with errors='replace'",
    int: "write it as a str",
    (bytes, bytearray, memoryview): "base64.b64encode() it, or .decode() what is text",
    (set, frozenset): "sorted() it",
    (Decimal, Fraction): "float() it",
    complex: "take .real and .imag, or abs()",
    timedelta: ".total_seconds() it",
}
