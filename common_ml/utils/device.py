"""Which device a model runs on."""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from common_ml.errors import describe_error

logger = logging.getLogger(__name__)

Device = Literal["cuda", "mps", "cpu"]


def best_device() -> Device:
    """Return the fastest device that torch can use: `cuda`, then `mps`, then `cpu`.

    Without torch it is `cpu`, and nothing is imported. A torch that is installed and cannot be
    loaded, or whose driver fails, is logged and gives `cpu` too. `cuda` also means AMD's ROCm; the
    environment says which of several GPUs it is (`CUDA_VISIBLE_DEVICES`).
    """
    if find_spec("torch") is None:
        return "cpu"
    try:
        torch = import_module("torch")
        if torch.cuda.is_available():
            return "cuda"
        backend = getattr(torch.backends, "mps", None)  # not in builds without Metal
        if backend is not None and backend.is_available():
            return "mps"
    except Exception as error:  # noqa: BLE001 - drivers and broken installations raise anything
        logger.warning("torch finds no device, so the CPU is used: %s", describe_error(error))
    return "cpu"
