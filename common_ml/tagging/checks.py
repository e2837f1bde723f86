"""What the fields of a message may hold, and how near misses are put right.

For a well-formed message only `box` and `vector` run: `messages.py` looks at the exact types first.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from common_ml.errors import MessageError

BOX_KEYS = ("x1", "y1", "x2", "y2")
PLAIN_NUMBERS = frozenset((int, float))
SHOWN_LENGTH = 80  # characters of a value that stand in a message: one line of a terminal


def text(value: Any, field: str) -> str:
    """Returns `value` as a plain str; subclasses such as `np.str_` are turned into one."""
    if isinstance(value, str):
        return str.__str__(value)  # not str(): that gives "Color.RED" for a str enum
    raise wrong(field, "a str", value, way_out="convert it with str()")


def optional_text(value: Any, field: str) -> str | None:
    """Returns `value` as a plain str, or None."""
    return None if value is None else text(value, field)


def milliseconds(value: Any, field: str) -> int:
    """Returns a time as a whole number of milliseconds; fractions are rounded."""
    number = scalar(value)
    if not is_real(number) or not math.isfinite(number):
        raise wrong(field, "a whole number of milliseconds", value, way_out="seconds * 1000")
    rounded: int = round(number)
    return rounded


def index(value: Any, field: str) -> int:
    """Returns a 0-based index as an int."""
    number = scalar(value)
    if not is_real(number) or not math.isfinite(number) or number != int(number):
        raise wrong(field, "a whole number", value, way_out="convert it with int()")
    if number < 0:
        raise wrong(field, "an index >= 0", value, way_out="frames are counted from 0")
    return int(number)


def ratio(value: Any, field: str) -> float:
    """Returns a number from 0 to 1."""
    number = scalar(value)
    if not is_real(number) or not 0 <= number <= 1:
        raise wrong(field, "a number from 0 to 1", value, way_out="divide the done by the whole")
    return plain_number(number)


def additional_info(value: Any, field: str) -> dict[Any, Any] | None:
    """Returns a dict or None; what stands in it is looked at when it is written."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return dict(value)
    raise wrong(field, "a dict or None", value, way_out='give it a name, as in {"value": ...}')


def box(value: Any, field: str) -> dict[str, float] | None:
    """Returns the four finite numbers of a box, in the order of the wire, or None.

    It is a new dict, so that the caller may go on with his own.
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


def _any_box(value: Any, field: str) -> dict[str, float]:
    """Returns a box that is not made of four floats in order."""
    if not isinstance(value, Mapping):
        way_out = 'as in {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}'
        raise wrong(field, "a dict of x1, y1, x2, y2, or None", value, way_out=way_out)
    for key in value:
        if key not in BOX_KEYS:
            raise wrong(f"{field}.{key}", "one of x1, y1, x2, y2", key, way_out="leave it out")
    return {key: _coordinate(value, key, f"{field}.{key}") for key in BOX_KEYS}


def _coordinate(box: Mapping[str, Any], key: str, field: str) -> float:
    if key not in box:
        raise MessageError(f"{field} is missing: a box has x1, y1, x2, y2, each 0..1", field=field)
    number = scalar(box[key])
    if not is_real(number) or not math.isfinite(number):
        raise wrong(field, "a finite number", box[key], way_out="0..1 from left to right, top down")
    return plain_number(number)


def vector(value: Any, field: str) -> list[float] | None:
    """Returns a list of Python numbers, made from a list, tuple, array or tensor, or None."""
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
    raise wrong(field, "a list of numbers or None", value, way_out="as in [0.1, 0.2]")


def _array_numbers(array: np.ndarray[Any, Any], field: str) -> list[float]:
    if array.ndim != 1:
        got = f"an array of shape {array.shape}"
        raise MessageError(f"{field} must have one dimension, got {got}: .ravel() it", field=field)
    if array.dtype.kind not in "iuf":
        raise wrong(field, "an array of numbers", array, way_out="convert it with .astype(float)")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)  # .tolist() of a long double gives no float
    numbers_: list[float] = array.tolist()
    return numbers_


def _element(value: Any, field: str) -> float:
    number = scalar(value)
    if not is_real(number):
        raise wrong(field, "a number", value, way_out="a vector holds numbers only")
    return plain_number(number)


def scalar(value: Any) -> Any:
    """Returns the Python value in a numpy or torch scalar; anything else as it is."""
    if isinstance(value, np.generic) or (hasattr(value, "item") and _num_dimensions(value) == 0):
        return value.item()
    return value


def _num_dimensions(value: Any) -> Any:
    return getattr(value, "ndim", None)


def is_real(value: Any) -> bool:
    """Whether `value` is a real number; a bool is none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def plain_number(value: Any) -> float:
    """Returns a real number as an exact int or float."""
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def is_tensor(value: Any) -> bool:
    """Whether `value` is a torch tensor, told without importing torch."""
    return any(
        base.__name__ == "Tensor" and base.__module__ == "torch" for base in type(value).__mro__
    )


def tensor_array(tensor: Any) -> np.ndarray[Any, Any]:
    """Returns the numbers of a torch tensor, wherever it lives and whatever needs its gradient."""
    tensor = tensor.detach()
    if getattr(tensor, "is_quantized", False):
        tensor = tensor.dequantize()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    tensor = tensor.cpu().resolve_conj().resolve_neg()
    try:
        array = tensor.numpy()
    except TypeError:  # bfloat16 and the 8-bit floats: numpy has no such type
        array = tensor.float().numpy()
    return np.asarray(array)


def wrong(field: str, expected: str, got: Any, *, way_out: str) -> MessageError:
    """Returns the error that says what, got, expected and the way out."""
    return MessageError(f"{field} must be {expected}, got {shown(got)}: {way_out}", field=field)


def shown(value: Any) -> str:
    """Returns a value as it stands in a message: its type and its start."""
    try:
        written = repr(value)
    except Exception as error:  # noqa: BLE001 - a message about a bad value survives a bad repr
        written = f"(its repr raises {type(error).__name__})"
    if len(written) > SHOWN_LENGTH:
        written = written[: SHOWN_LENGTH - 3] + "..."
    return written if value is None else f"{type(value).__name__} {written}"
