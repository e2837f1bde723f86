"""`/v2`: a minimal implementation of the Open Inference Protocol.

Source: the protocol's REST specification (KServe, Open Inference Protocol v2). The one input is
`files`, BYTES: the SHA-256 or MD5 of uploaded files. The outputs are `predictions` (ids), `states`
and `tags` (JSON lines, empty where there are none yet), BYTES, one for each file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from common_ml import __version__
from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.server_state import Server
from common_ml.service.api.v1.predictions import MAX_WAIT_SECONDS, finished_or_late
from common_ml.service.operations import models, predictions, results
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.predictions import Choice, Prediction
from common_ml.service.problems import Problem
from common_ml.service.rendering import tag_lines

router = APIRouter(prefix="/v2", tags=["inference"])
Reader = Annotated[Actor, Depends(allow("read"))]
Predictor = Annotated[Actor, Depends(allow("predict"))]
Downloader = Annotated[Actor, Depends(allow("download"))]
_OPEN = {"x-open": True}
_OUTPUTS = ("predictions", "states", "tags")


class InputTensor(BaseModel):
    """The files."""

    name: Literal["files"]
    datatype: Literal["BYTES"] = "BYTES"
    shape: list[int] = Field(max_length=2, examples=[[1]])
    data: list[str] = Field(min_length=1, max_length=1000, examples=[["0" * 64]])


class InferParameters(BaseModel):
    """How it is predicted."""

    wait: int = Field(MAX_WAIT_SECONDS, ge=0, le=MAX_WAIT_SECONDS, description="Seconds.")
    params: dict[str, Any] = Field(default_factory=dict, description="Of the model.")


class InferRequest(BaseModel):
    """One request of the protocol."""

    id: str = Field("", max_length=200)
    parameters: InferParameters = Field(default_factory=lambda: InferParameters(wait=60))
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)


@router.get("/health/live", openapi_extra=_OPEN)
def live() -> dict[str, bool]:
    """Whether the server runs."""
    return {"live": True}


@router.get("/health/ready", openapi_extra=_OPEN)
async def ready(request: Request) -> dict[str, bool]:
    """Whether the server can take requests."""
    problems = [text for text in (await server_of(request).readiness()).values() if text]
    if problems:
        raise Problem(503, "; ".join(problems), code="not_ready")
    return {"ready": True}


@router.get("")
def server_metadata(actor: Reader) -> dict[str, Any]:
    """Describe the server."""
    del actor
    return {"name": "common-ml", "version": __version__, "extensions": []}


@router.get("/models/{name}")
def model_metadata(request: Request, name: str, actor: Reader) -> dict[str, Any]:
    """Describe a model."""
    del actor
    model = models.get(server_of(request).core, name)
    return {
        "name": model.name,
        "versions": [model.revision],
        "platform": "common-ml",
        "inputs": [{"name": "files", "datatype": "BYTES", "shape": [-1]}],
        "outputs": [{"name": one, "datatype": "BYTES", "shape": [-1]} for one in _OUTPUTS],
    }


@router.get("/models/{name}/ready")
def model_ready(request: Request, name: str, actor: Reader) -> dict[str, Any]:
    """Whether a worker runs a model."""
    del actor
    model = models.get(server_of(request).core, name)
    if not model.available:
        raise Problem(503, f"no worker runs {name}", code="not_ready")
    return {"name": model.name, "ready": True}


@router.post("/models/{name}/infer")
async def infer(
    request: Request, name: str, actor: Predictor, reader: Downloader, body: InferRequest
) -> dict[str, Any]:
    """Predict files, and wait for the results."""
    del reader
    server = server_of(request)
    files = body.inputs[0].data
    if body.inputs[0].shape not in ([len(files)], [len(files), 1]):
        raise Problem(400, f"shape must be [{len(files)}], got {body.inputs[0].shape}")
    choice = Choice(name, body.parameters.params)

    def submit() -> list[int]:
        server.check_started([name])
        return predictions.submit(server.core, actor, files=files, choices=[choice])

    ids = await run_sync(submit)
    found = await finished_or_late(server, actor, ids, prefer=f"wait={body.parameters.wait}")
    texts = await run_sync(lambda: [_tags(server, one) for one in found])
    columns = ([str(one.id) for one in found], [one.state for one in found], texts)
    return {
        "id": body.id,
        "model_name": name,
        "model_version": found[0].revision,
        "outputs": [
            {"name": output, "datatype": "BYTES", "shape": [len(found)], "data": data}
            for output, data in zip(_OUTPUTS, columns, strict=True)
        ],
    }


def _tags(server: Server, prediction: Prediction) -> str:
    if not prediction.has_results or prediction.state != "done":
        return ""
    return b"".join(tag_lines(results.messages_of(server.core, prediction))).decode()
