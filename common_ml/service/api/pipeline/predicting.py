"""`/model/predict` and `/model/results`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Depends, Query, Request

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.pipeline.hashes import Hash
from common_ml.service.api.server_state import Server
from common_ml.service.operations import files, predictions, results
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.files import File
from common_ml.service.operations.predictions import Choice, Prediction
from common_ml.service.problems import Problem
from common_ml.service.upload.multipart import Form

router = APIRouter(prefix="/model", tags=["pipeline"])
Predictor = Annotated[Actor, Depends(allow("predict"))]
Reader = Annotated[Actor, Depends(allow("read"))]
PENDING = "Object has pending predictions. Check back later for all model results."
UNKNOWN = "Unknown md5 hash specified."
_TYPES = ("image", "video", "audio", "text")
_MAX_LABELS = 1000
_MAX_TEXT_BYTES = 64 << 10
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["models", "objects"],
                    "properties": {
                        "models": {"type": "array", "items": {"type": "string"}},
                        "model_type": {"type": "string", "enum": list(_TYPES)},
                        "objects": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        },
                    },
                }
            }
        },
    }
}


@router.post("/predict", openapi_extra=_FORM)
async def predict(
    request: Request,
    actor: Predictor,
    models: Annotated[list[str] | None, Query(max_length=100)] = None,
    model_type: Annotated[str, Query(max_length=20)] = "",
) -> dict[str, list[str]]:
    """Predict any number of objects with any number of models.

    `models`, `model_type` and `objects` are fields of the form; the first two may also stand in
    the address. All is checked before anything is stored. The answer has the MD5 of each content.
    """
    if "upload" not in actor.rights:
        raise Problem(403, "this needs the right 'upload'", code="forbidden")
    server = server_of(request)
    form = await server.form(request)

    def work() -> list[str]:
        try:
            chosen = [*(models or []), *form.fields.get("models", [])]
            kind = form.value("model_type", model_type)
            return _submit(server, actor, form, list(dict.fromkeys(chosen)), kind)
        finally:
            form.discard()

    return {"prediction objects": await run_sync(work)}


@router.post("/results")
def show_results(
    request: Request,
    actor: Reader,
    md5_hashes: Annotated[list[Hash], Body(max_length=1000, examples=[["0" * 32]])],
) -> list[dict[str, Any]]:
    """Return the results of objects, by their MD5."""
    server = server_of(request)
    found = files.get_many(server.core, actor, md5_hashes)
    asked = predictions.of_files(server.core, actor, [file.id for file in found.values()])
    newest = {number: _newest(ones) for number, ones in asked.items()}
    numbers = [one.id for ones in newest.values() for one in ones if one.has_results]
    labels = results.labels(server.core, numbers, limit=_MAX_LABELS)
    return [
        _object(server, found[md5], newest[found[md5].id], labels)
        if md5 in found
        else {"status": "failure", "detail": UNKNOWN, "hash_md5": md5}
        for md5 in md5_hashes
    ]


def _submit(
    server: Server, actor: Actor, form: Form, chosen: Sequence[str], kind: str
) -> list[str]:
    """Check everything, then store and queue; return the MD5 of each content, in order."""
    choices = [Choice(name) for name in chosen]
    objects = [file for file, name in zip(form.files, form.names, strict=True) if name == "objects"]
    problems = []
    server.check_started(chosen)
    if not choices:
        problems.append("You must specify models to process objects with")
    if not objects:
        problems.append("You must specify objects to process")
    if kind and kind not in _TYPES:
        problems.append(f"model_type must be one of {', '.join(_TYPES)}, got {kind[:80]!r}")
    elif kind:
        # the sound of a video goes to models of sound, if they take videos
        fitting = {kind, "video"} if kind == "audio" else {kind}
        problems += [
            f"{file.name} is {file.kind}, not {kind}"
            for file in objects
            if file.kind not in fitting
        ]
    found = [(file.name, file.kind) for file in objects]
    problems += predictions.check(server.core, found, choices)
    if problems:
        raise Problem(400, "; ".join(problems), code="invalid")
    kept = [server.keep(actor, file) for file in objects]
    unique = list({file.sha256: file for file in kept}.values())
    predictions.submit(server.core, actor, files=[file.sha256 for file in unique], choices=choices)
    return [file.md5 for file in unique]


def _newest(ones: Sequence[Prediction]) -> list[Prediction]:
    """Return the newest prediction of each model."""
    found: dict[str, Prediction] = {}
    for one in ones:
        found.setdefault(one.model, one)
    return list(found.values())


def _object(
    server: Server,
    file: File,
    ones: Sequence[Prediction],
    labels: dict[int, list[results.Label]],
) -> dict[str, Any]:
    document: dict[str, Any] = {"status": "success"}
    if any(one.is_pending for one in ones):
        document["detail"] = PENDING
    failed = {one.model: one.error for one in ones if one.state == "failed"}
    return {
        **document,
        "file_names": list(file.names),
        "hash_md5": file.md5,
        "type": file.kind,
        "users": list(file.users),
        "metadata": f"{file.kind}, {file.size} bytes, sha256 {file.sha256}",
        "models": {
            one.model: {
                label.text: label.n if label.best is None else label.best
                for label in labels[one.id]
            }
            for one in ones
            if one.has_results
        },
        "errors": failed,
        "text_content": _text(server, file),
        "tags": list(file.tags),
        "user_role_able_to_tag": sorted({"admin", *file.tag_roles}),
    }


def _text(server: Server, file: File) -> str:
    if file.kind != "text":
        return ""
    stop = min(file.size, _MAX_TEXT_BYTES)
    return b"".join(server.core.contents.read(file.key, 0, stop)).decode("utf-8", "ignore")
