"""Check and normalise the fields of a message.

For a well-formed message only `box` and `vector` run: `messages.py` checks the exact types first.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from common_ml.errors import MessageError
from common_ml.tagging.tensors import is_tensor, tensor_array

BOX_KEYS = ("x1", "y1", "x2", "y2")
PLAIN_NUMBERS = frozenset((int, float))
SHOWN_LENGTH = 80  # characters of a value quoted in a message: one line of a terminal


def text(value: Any, field: str) -> str:
    """Return `value` as a plain str; convert subclasses such as `np.str_`."""
    if isinstance(value, str):
        return str.__str__(value)  # not str(), which returns "Color.RED" for a str enum
    raise wrong(field, "a str", value, hint="convert it with str()")


def milliseconds(value: Any, field: str) -> int:
    """Return a time as a whole number of milliseconds; round fractions."""
    number = scalar(value)
    if not is_real(number) or not math.isfinite(number):
        raise wrong(field, "a whole number of milliseconds", value, hint="multiply seconds by 1000")
    rounded: int = round(number)
    return rounded


def index(value: Any, field: str) -> int:
    """Return a 0-based index as an int."""
    number = scalar(value)
    if not is_real(number) or not math.isfinite(number) or number != int(number):
        raise wrong(field, "a whole number", value, hint="convert it with int()")
    return int(number)


def ratio(value: Any, field: str) -> float:
    """Return a number from 0 to 1; treat one above 1 as percent, up to 100."""
    number = scalar(value)
    if not is_real(number) or not 0 <= number <= 100:
        expected = "a number from 0 to 1, or a percentage up to 100"
        raise wrong(field, expected, value, hint="divide what is done by the whole")
    return plain_number(number if number <= 1 else number / 100)


def additional_info(value: Any, field: str) -> dict[Any, Any] | None:
    """Return a dict or None; its contents are validated when it is written."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return dict(value)
    raise wrong(field, "a dict or None", value, hint='give it a name, as in {"value": ...}')


class ReducedBox(dict[str, float]):
    """A box without its unknown keys; the validator of the job reports them."""

    dropped: tuple[str, ...] = ()
    """Names of the unknown keys."""


def box(value: Any, field: str) -> dict[str, float] | None:
    """Return the four finite numbers of a box, in wire order; None for `{}` and None.

    Returns a new dict, so that the caller can modify theirs; a `ReducedBox` if there were
    unknown keys.
    """
    if value is None:
        return None
    if type(value) is dict and len(value) == 4:
        try:
            x1, y1, x2, y2 = value["x1"], value["y1"], value["x2"], value["y2"]
        except KeyError:
            return _any_box(value, field)
        if (
            type(x1) is type(y1) is type(x2) is type(y2) is float
            and 0.0 <= x1 <= x2 <= 1.0
            and 0.0 <= y1 <= y2 <= 1.0
        ):
            return {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return _any_box(value, field)


def _any_box(value: Any, field: str) -> dict[str, float] | None:
    """Return a box that does not consist of four floats in wire order."""
    if not isinstance(value, Mapping):
        example = 'write {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}'
        if hasattr(value, "__len__") and not isinstance(value, str) and len(value) == 4:
            example = "common_ml.adapters.from_xyxy(boxes, img) makes tags of boxes in pixels"
        raise wrong(field, "a dict of x1, y1, x2, y2, or None", value, hint=example)
    if not value:
        return None
    numbers_ = {key: _coordinate(value, key, f"{field}.{key}") for key in BOX_KEYS}
    if len(value) == len(numbers_):
        return numbers_
    reduced = ReducedBox(numbers_)
    reduced.dropped = tuple(str(key) for key in value if key not in BOX_KEYS)
    return reduced


def _coordinate(box: Mapping[str, Any], key: str, field: str) -> float:
    if key not in box:
        hint = "a box has x1, y1, x2, y2, each 0..1"
        if {"w", "h"} <= box.keys() or {"width", "height"} <= box.keys():
            hint = "common_ml.adapters.from_xywh(boxes, img) makes tags of x, y, width, height"
        raise MessageError(f"{field} is missing; hint: {hint}", field=field)
    number = scalar(box[key])
    if not is_real(number) or not math.isfinite(number):
        raise wrong(
            field,
            "a finite number",
            box[key],
            hint="give shares of width and height, from the left and the top",
        )
    return plain_number(number)


def vector(value: Any, field: str) -> list[float] | None:
    """Return a list, tuple, array or tensor as a list of Python numbers; None for None."""
    if value is None:
        return None
    if is_tensor(value):
        value = tensor_array(value)
    if isinstance(value, np.ndarray):
        return _array_numbers(value, field)
    if isinstance(value, list | tuple):
        if PLAIN_NUMBERS.issuperset(map(type, value)):
            return list(value)
        return [_element(element, f"{field}[{i}]") for i, element in enumerate(value)]
    raise wrong(field, "a list of numbers or None", value, hint="write [0.1, 0.2]")


def _array_numbers(array: np.ndarray[Any, Any], field: str) -> list[float]:
    if array.ndim != 1:
        got = f"an array of shape {array.shape}"
        raise MessageError(
            f"{field} must have one dimension, got {got}; hint: call .ravel()", field=field
        )
    if array.dtype.kind not in "iuf":
        raise wrong(field, "an array of numbers", array, hint="convert it with .astype(float)")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)  # .tolist() of a long double does not return floats
    numbers_: list[float] = array.tolist()
    return numbers_


def _element(value: Any, field: str) -> float:
    number = scalar(value)
    if not is_real(number):
        raise wrong(field, "a number", value, hint="put other values into additional_info")
    return plain_number(number)


def scalar(value: Any) -> Any:
    """Return the Python value of a scalar of numpy or a tensor library; anything else unchanged."""
    if isinstance(value, np.generic):
        return value.item()
    if _num_dimensions(value) == 0:
        if hasattr(value, "item"):
            return value.item()
        if is_tensor(value):
            return tensor_array(value).item()
    return value


def _num_dimensions(value: Any) -> Any:
    return getattr(value, "ndim", None)


def is_real(value: Any) -> bool:
    """Return whether `value` is a real number; a bool is not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def plain_number(value: Any) -> float:
    """Return a real number as an exact int or float."""
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def wrong(field: str, expected: str, got: Any, *, hint: str) -> MessageError:
    """Return the error: what, expected, got, and a hint."""
    message = f"{field} must be {expected}, got {shown(got)}; hint: {hint}"
    return MessageError(message, field=field)


def shown(value: Any) -> str:
    """Return the type and the start of a value, for a message."""
    try:
        written = repr(value)
    except Exception as error:  # noqa: BLE001 - an author's __repr__ may raise anything
        written = f"(its repr raises {type(error).__name__})"
    if len(written) > SHOWN_LENGTH:
        written = written[: SHOWN_LENGTH - 3] + "..."
    return written if value is None else f"{type(value).__name__} {written}"
