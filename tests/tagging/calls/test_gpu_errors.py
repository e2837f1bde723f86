"""A full GPU and a lost one are told from other errors, whichever library reports them."""

from __future__ import annotations

import pytest

from common_ml.tagging.calls.gpu_errors import is_out_of_memory, lost_gpu
from tests.tagging.gpu_errors import MEMORY_ERRORS, accelerator_error, illegal_access, lost

OTHERS = [
    RuntimeError("shapes do not match"),
    ValueError("CUDA out of memory"),
    ValueError("a device-side assert triggered by nobody"),
    accelerator_error("invalid device ordinal", "cudaErrorInvalidDevice"),
    RuntimeError("Cannot re-initialize CUDA in forked subprocess."),
]


@pytest.mark.parametrize("error", MEMORY_ERRORS.values(), ids=MEMORY_ERRORS)
def test_a_full_gpu_is_not_lost(error: BaseException) -> None:
    assert is_out_of_memory(error)
    assert lost_gpu(error) == ""


@pytest.mark.parametrize("error", OTHERS, ids=str)
def test_other_errors_are_neither(error: BaseException) -> None:
    assert not is_out_of_memory(error)
    assert lost_gpu(error) == ""


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (lost(), "device-side assert triggered"),
        (illegal_access(), "an illegal memory access was encountered"),
        (RuntimeError("CUDA failure 719: unspecified launch failure ; GPU=0"), "unspecified"),
        (RuntimeError("cudaErrorMisalignedAddress: misaligned address"), "misaligned address"),
        (RuntimeError("HIP error: an illegal memory access was encountered"), "an illegal memory"),
    ],
    ids=["assert", "illegal", "ONNX Runtime", "CuPy", "ROCm"],
)
def test_a_lost_gpu_is_told_with_the_reason(error: BaseException, why: str) -> None:
    assert not is_out_of_memory(error)
    assert lost_gpu(error).startswith(f"the GPU is lost for this process: {why}")


def test_a_lost_gpu_is_found_behind_the_error_that_a_model_makes_of_it() -> None:
    wrapped = ValueError("no tags")
    wrapped.__cause__ = KeyError("x")
    wrapped.__cause__.__context__ = lost()
    assert "device-side assert" in lost_gpu(wrapped)


def test_errors_that_refer_to_each_other_are_looked_at_once() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    assert lost_gpu(one) == ""
