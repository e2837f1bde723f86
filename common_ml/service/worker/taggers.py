"""Create the tagger of a model for a worker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from common_ml.runtime.container import ContainerTagger, engine_command
from common_ml.runtime.process import ProcessTagger
from common_ml.runtime.targets import find_target

if TYPE_CHECKING:
    from common_ml.runtime.tagger import Tagger
    from common_ml.service.models.model import ModelSpec


def make_tagger(
    spec: ModelSpec, params: str, *, idle_timeout_seconds: float | None = 600
) -> Tagger:
    """Return a tagger that has not started.

    Args:
        spec: The model.
        params: A JSON object; `{}` leaves out `--params`.
        idle_timeout_seconds: Time without a message after which it counts as hanging.

    Raises:
        TaggerError: there is no such program or image.
    """
    target = find_target(spec.target, python=spec.python)
    given = _params(spec, json.loads(params))
    if target.kind == "image":
        return ContainerTagger(
            target.image,
            params=given,
            engine_options=[*_gpu_options(spec), *spec.engine_options],
            idle_timeout_seconds=idle_timeout_seconds,
        )
    return ProcessTagger(
        target.command,
        params=given,
        cwd=target.cwd,
        env={"CUDA_VISIBLE_DEVICES": spec.gpu} if spec.gpu and spec.gpu != "all" else None,
        idle_timeout_seconds=idle_timeout_seconds,
    )


def _params(spec: ModelSpec, params: dict[str, Any]) -> dict[str, Any] | None:
    """Return the params, with `continue_on_error` if the tagger knows it."""
    if "continue_on_error" in (spec.params_schema.get("properties") or {}):
        params.setdefault("continue_on_error", True)
    return params or None


def _gpu_options(spec: ModelSpec) -> list[str]:
    if not spec.gpu:
        return []
    if engine_command()[0].endswith("docker"):
        return ["--gpus=all" if spec.gpu == "all" else f'--gpus="device={spec.gpu}"']
    return [f"--device=nvidia.com/gpu={device}" for device in spec.gpu.split(",")]
