"""Arrays of PyTorch, JAX, TensorFlow, CuPy and pandas, none of which is imported."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_tensor(value: Any) -> bool:
    """Return whether `value` is a torch tensor, or has a shape, a dtype and a way to numpy."""
    kind = type(value)
    if issubclass(kind, np.ndarray | np.generic):
        return False
    return _is_of_torch(kind) or (
        any(hasattr(kind, way) for way in ("__array__", "__dlpack__"))
        and hasattr(kind, "shape")
        and hasattr(kind, "dtype")
    )


def tensor_array(tensor: Any) -> np.ndarray[Any, Any]:
    """Return a tensor as an array, from any device, with or without gradient.

    Args:
        tensor: Of which `is_tensor` is true.
    """
    if _is_of_torch(type(tensor)):
        return _array_of_torch(tensor)
    if hasattr(type(tensor), "__cuda_array_interface__") and hasattr(tensor, "get"):
        array = np.asarray(tensor.get())  # CuPy, which refuses to copy to the host unasked
    elif hasattr(type(tensor), "__array__"):
        array = np.asarray(tensor)
    else:
        array = np.from_dlpack(tensor)
    # bfloat16 and the 8-bit floats of ml_dtypes: types of their own, of a kind that says nothing
    is_small_float = array.dtype.kind == "V" and array.dtype.names is None
    return array.astype(np.float32) if is_small_float else array


def _is_of_torch(kind: type) -> bool:
    return any(base.__name__ == "Tensor" and base.__module__ == "torch" for base in kind.__mro__)


def _array_of_torch(tensor: Any) -> np.ndarray[Any, Any]:
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
