"""Convert values of the service to JSON documents of `/v1`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from common_ml.errors import NotFoundError

if TYPE_CHECKING:
    from common_ml.service.operations.files import File
    from common_ml.service.operations.models import Model
    from common_ml.service.operations.predictions import Prediction

_MAX_DIGITS = 18


def rfc3339_time(seconds: float) -> str:
    """Return a time as RFC 3339, in UTC, to the millisecond.

    Args:
        seconds: Unix time, >= 0.
    """
    milliseconds = round(seconds * 1000)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{whole}.{milliseconds % 1000:03d}Z"


def optional_rfc3339_time(seconds: float | None) -> str | None:
    """Return a time as RFC 3339, or None."""
    return None if seconds is None else rfc3339_time(seconds)


def parsed_id(text: str, what: str) -> int:
    """Parse an id in a path.

    Raises:
        NotFoundError: it is not a valid id.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise NotFoundError(f"there is no {what} {text[:80]!r}")
    return int(text)


def file_document(file: File) -> dict[str, Any]:
    """Return the document of a file."""
    return {
        "sha256": file.sha256,
        "md5": file.md5,
        "size": file.size,
        "kind": file.kind,
        "name": file.name,
        "names": list(file.names),
        "created_at": rfc3339_time(file.created_at),
        "tags": list(file.tags),
        "tag_roles": list(file.tag_roles),
        "states": file.states,
    }


def prediction_document(prediction: Prediction) -> dict[str, Any]:
    """Return the document of a prediction."""
    return {
        "id": str(prediction.id),
        "file": {
            "sha256": prediction.sha256,
            "md5": prediction.md5,
            "name": prediction.name,
            "kind": prediction.kind,
        },
        "model": prediction.model,
        "revision": prediction.revision,
        "params": prediction.params,
        "state": prediction.state,
        "stale": prediction.stale,
        "priority": prediction.priority,
        "attempts": prediction.attempts,
        "progress": prediction.progress,
        "error": prediction.error,
        "num_tags": prediction.num_tags,
        "has_results": prediction.has_results,
        "created_at": rfc3339_time(prediction.created_at),
        "started_at": optional_rfc3339_time(prediction.started_at),
        "finished_at": optional_rfc3339_time(prediction.finished_at),
        "seconds": prediction.seconds,
    }


def model_document(model: Model) -> dict[str, Any]:
    """Return the document of a model."""
    return {
        "name": model.name,
        "type": list(model.types),
        "revision": model.revision,
        "description": model.description,
        "tags": list(model.tags),
        "fields": model.fields,
        "params": model.params_schema,
        "defaults": model.params,
        "slots": model.slots,
        "available": model.available,
        "queued": model.queued,
        "running": model.running,
        "seen_at": rfc3339_time(model.seen_at),
    }
