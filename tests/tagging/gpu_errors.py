"""Errors of full and lost GPUs, as libraries raised them on an H200 (torch 2.11, CUDA 13)."""

from __future__ import annotations


class OutOfMemoryError(RuntimeError):
    """Named and placed like torch's."""


class AcceleratorError(RuntimeError):
    """Named and placed like torch's, which has the number of the error besides."""


class JaxRuntimeError(RuntimeError):
    """Named and placed like JAX's."""


OutOfMemoryError.__module__ = AcceleratorError.__module__ = "torch"
JaxRuntimeError.__module__ = "jax.errors"

_ADVICE = """
Search for `{name}' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html \
for more information.
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace \
below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.
"""


def accelerator_error(what: str, name: str) -> AcceleratorError:
    """Return torch's error for a call of CUDA that failed."""
    return AcceleratorError(f"CUDA error: {what}{_ADVICE.format(name=name)}")


MEMORY_ERRORS: dict[str, BaseException] = {
    "MemoryError": MemoryError("no room"),
    "torch": OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    "old torch": RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    "cuDNN": accelerator_error("out of memory", "cudaErrorMemoryAllocation"),
    "cuBLAS": RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "JAX": JaxRuntimeError(
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4.00TiB with allocator "
        "GPU_0_bfc on device 0. [tf-allocator-allocation-error='']"
    ),
}


def lost() -> AcceleratorError:
    """Return the error of an index that is out of range in a kernel, and of every later call."""
    return accelerator_error("device-side assert triggered", "cudaErrorAssert")


def illegal_access() -> AcceleratorError:
    """Return the error of a kernel that writes where it must not, and of every later call."""
    return accelerator_error("an illegal memory access was encountered", "cudaErrorIllegalAddress")
