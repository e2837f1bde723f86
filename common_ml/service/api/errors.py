"""Exception handlers that answer failed requests with problem documents."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from common_ml.errors import (
    ConflictError,
    DatabaseFullError,
    DatabaseUnavailableError,
    ForbiddenError,
    InvalidRequestError,
    NotFoundError,
    PredictionServiceError,
    QuotaError,
    StoreFullError,
)
from common_ml.service.logs import LOGGER_NAME, request_id
from common_ml.service.problems import Problem
from common_ml.service.upload.multipart import FormError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

_LOG = logging.getLogger(LOGGER_NAME)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MAX_ERRORS = 20
_STATUSES: dict[type[PredictionServiceError], int] = {
    NotFoundError: 404,
    ConflictError: 409,
    InvalidRequestError: 400,
    ForbiddenError: 403,
    QuotaError: 429,
    DatabaseFullError: 507,
    DatabaseUnavailableError: 503,
}


def add_error_handlers(app: FastAPI) -> None:
    """Register the exception handlers of an app."""
    table: dict[type[Exception], Callable[[Any], Problem]] = {
        Problem: lambda error: error,
        FormError: lambda error: Problem(error.status, str(error)),
        RequestValidationError: invalid,
        HTTPException: _of_framework,
        PredictionServiceError: of_service,
        OSError: of_os_error,
    }
    for kind, converted in table.items():
        app.add_exception_handler(kind, _handler(converted))


def invalid(error: RequestValidationError) -> Problem:
    """Return a problem with all validation errors of a request, without the values."""
    problems = [
        {"place": ".".join(map(str, e["loc"])), "message": str(e["msg"])}
        for e in error.errors()[:_MAX_ERRORS]
    ]
    detail = "; ".join(f"{p['message']} @ {p['place']}" for p in problems)
    return Problem(422, detail, code="invalid_request", errors=problems)


def of_service(error: PredictionServiceError) -> Problem:
    """Translate an error of the service."""
    if isinstance(error, OSError):
        return of_os_error(error)
    status = next((s for kind, s in _STATUSES.items() if isinstance(error, kind)), 500)
    extra: dict[str, Any] = {}
    if isinstance(error, InvalidRequestError):
        extra["errors"] = [{"message": problem} for problem in error.problems]
    headers = {"retry-after": "5"} if status in {429, 503} else None
    return Problem(status, str(error), code=error.code, headers=headers, **extra)


def of_os_error(error: OSError) -> Problem:
    """Translate an operating system error: a full disk, or another failure of the store."""
    _LOG.error("the store failed: %s", error, exc_info=error)
    if isinstance(error, StoreFullError) or error.errno in _FULL:
        return Problem(507, "the store is full: nothing was kept", code="store_full")
    return Problem(
        503,
        "the store failed: nothing was kept; hint: try again later",
        code="store_unavailable",
        headers={"retry-after": "5"},
    )


def _of_framework(error: HTTPException) -> Problem:
    return Problem(error.status_code, str(error.detail), headers=error.headers)


def _handler(
    converted: Callable[[Any], Problem],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    # a coroutine: it must not wait for a thread while requests hold them all
    async def answer(request: Request, error: Exception) -> Response:
        del request
        return converted(error).response(request_id=request_id.get())

    return answer
