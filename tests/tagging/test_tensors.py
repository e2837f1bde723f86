"""Arrays of other libraries become those of numpy; test_torch.py has the real ones of torch."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from common_ml.adapters.boxes import array_of
from common_ml.tagging.field_values import vector
from common_ml.tagging.messages import Tag
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.tensors import is_tensor, tensor_array
from common_ml.tagging.wire import encode

VALUES = [0.5, 1.5, -2.0]


class _Array:
    def __init__(self, array: Any) -> None:
        self._array = np.asarray(array)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def dtype(self) -> Any:
        return self._array.dtype


class OnHost(_Array):
    """As of JAX and TensorFlow."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self._array, dtype=dtype)


class OnDevice(_Array):
    """As of CuPy, which copies to the host only where it is asked to."""

    __cuda_array_interface__: Any = property(lambda _: {})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def get(self) -> Any:
        return self._array


class Exchanged(_Array):
    """As of libraries that know the exchange of arrays alone."""

    def __dlpack__(self, **options: Any) -> Any:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()


@pytest.mark.parametrize("kind", [OnHost, OnDevice, Exchanged, pd.Series])
def test_an_array_of_another_library_is_taken_as_one_of_numpy(kind: Any) -> None:
    found = kind(VALUES)

    assert is_tensor(found)
    assert type(tensor_array(found)) is np.ndarray
    assert vector(found, "vector") == VALUES
    assert array_of(found, "boxes").tolist() == VALUES
    line = encode(Tag(tag="a", source_media="a.mp4", additional_info={"x": found, "all": [found]}))
    assert json.loads(line)["data"]["additional_info"] == {"x": VALUES, "all": [VALUES]}


@pytest.mark.parametrize("kind", [OnHost, OnDevice, Exchanged])
def test_a_scalar_of_another_library_is_a_number(kind: Any) -> None:
    left, top, right, bottom = (kind(number) for number in (0.125, 0.25, 0.5, 0.75))
    box = {"x1": left, "y1": top, "x2": right, "y2": bottom}

    assert FrameTag("a", box=box, vector=[left, top]).box == dict(
        zip(box, (0.125, 0.25, 0.5, 0.75), strict=True)
    )
    assert vector([left, top], "vector") == [0.125, 0.25]


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2),
        np.float32(1),
        np.float64(1),
        [1.0],
        memoryview(b"ab"),
        pd.DataFrame({"a": [1]}),
        OnHost,
        None,
    ],
)
def test_nothing_else_is_a_tensor(value: Any) -> None:
    assert not is_tensor(value)
