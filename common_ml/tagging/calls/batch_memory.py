"""The memory of batches, kept from one call to the next: fresh pages cost more than the copy."""

from __future__ import annotations

import math
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from common_ml.tagging.models.frame_based import Pixels


class BatchMemory:
    """Gives memory for one batch after the other; never what somebody still refers to.

    Threads may share one. A copy, also a pickled one, begins without memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._memory: Pixels = np.empty(0, dtype=np.uint8)
        self._lease: weakref.ref[_Lease] | None = None

    def batch(self, shape: tuple[int, ...]) -> Pixels:
        """Return an array of `shape` with any contents.

        A model may keep it, a part of it or a tensor that shares its memory: the next batch is then
        elsewhere.
        """
        num_bytes = math.prod(shape)
        with self._lock:
            is_taken = self._lease is not None and self._lease() is not None
            if is_taken or len(self._memory) < num_bytes:
                self._memory = np.empty(num_bytes, dtype=np.uint8)
            lease = _Lease(self._memory, shape)
            self._lease = weakref.ref(lease)
        return np.asarray(lease)

    def __reduce__(self) -> tuple[type[BatchMemory], tuple[()]]:
        return BatchMemory, ()


class _Lease:
    """The base of a batch: alive as long as anything that shares its memory."""

    def __init__(self, memory: Pixels, shape: tuple[int, ...]) -> None:
        self._memory = memory
        self.__array_interface__: dict[str, Any] = {
            **memory.__array_interface__,
            "shape": shape,
            "strides": None,
        }
