"""Which errors of a model mean that a GPU's memory is full, or that the process has lost the GPU.

Libraries are told by class names and texts: none is imported.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from common_ml.errors import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterator

_FULL = (
    "CUDA out of memory",  # torch before 1.13 had no class for it
    "CUDA error: out of memory",  # cuDNN and pinned memory, as torch.AcceleratorError
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED",
    "HIP out of memory",
    "HIP error: out of memory",
    "RESOURCE_EXHAUSTED: Out of memory",  # JAX
)
# The errors of cudaError_t after which, as its documentation says, "the process must be terminated
# and relaunched". Libraries begin differently: "CUDA error: " (torch), "CUDA failure 700: " (ONNX
# Runtime), "cudaErrorIllegalAddress: " (CuPy).
_LOST = re.compile(
    r"(?:CUDA|HIP).{0,40}?\b("
    r"device-side assert triggered"
    r"|an illegal memory access was encountered"
    r"|an illegal instruction was encountered"
    r"|misaligned address"
    r"|operation not supported on global/shared address space"
    r"|invalid program counter"
    r"|unspecified launch failure"
    r"|hardware stack error"
    r"|the launch timed out and was terminated"
    r"|uncorrectable ECC error encountered"
    r")",
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether `error` is a MemoryError or what a library raises where a GPU is full."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, RuntimeError) and _text(error).startswith(_FULL):
        return True
    return any(
        cls.__name__ == "OutOfMemoryError" and cls.__module__.split(".")[0] == "torch"
        for cls in type(error).__mro__
    )


def free_cached_memory() -> None:
    """Give the GPU memory that torch keeps for later back, so that other libraries can have it."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is not None and cuda.is_initialized():
        cuda.empty_cache()


def lost_gpu(error: BaseException) -> str:
    """Return what made the GPU unusable for the rest of the process, with a hint; "" if it is not.

    Every later call of the GPU fails in the same way, so no other file could be tagged.
    """
    for one in _chain(error):
        if match := _LOST.search(_text(one)):
            return (
                f"the GPU is lost for this process: {match[1]}; hint: the tagger stops, a new one "
                "can use the GPU again; CUDA_LAUNCH_BLOCKING=1 in its environment shows the step "
                "at fault"
            )
    return ""


def _text(error: BaseException) -> str:
    return describe_error(error).removeprefix(f"{type(error).__name__}: ")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it was raised from or after, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        # not `error.__cause__`: whatever the author overrides
        cause, context = (
            object.__getattribute__(error, name) for name in ("__cause__", "__context__")
        )
        error = context if cause is None else cause
