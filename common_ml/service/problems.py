"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from common_ml.data.json_text import json_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/problem+json"
_TITLES = {460: "Checksum Mismatch"}  # of tus


class Problem(Exception):  # noqa: N818 - the name of the standard
    """A request that fails, as its client will see it."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = _TITLES.get(status) or HTTPStatus(status).phrase
        self.code = code or self.title.lower().replace(" ", "_")
        """A stable name of the error, for programs."""
        self.headers = dict(headers or {})
        self.extra = extra
        """More members of the document."""

    def response(self, *, request_id: str = "") -> Response:
        """Return the answer."""
        document = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **({"request_id": request_id} if request_id else {}),
            **self.extra,
        }
        return Response(
            json_bytes(document, default=str),
            status_code=self.status,
            headers=self.headers,
            media_type=MEDIA_TYPE,
        )


SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, got, expected, and a hint."},
        "code": {"type": "string", "description": "A stable name of the error."},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
"""JSON Schema of a problem document."""
