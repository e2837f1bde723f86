"""Sessions of browsers: a cookie that other sites cannot use."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

COOKIE = "common_ml_session"
SESSION_SECONDS = 14 * 24 * 3600
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_forged(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a request with the cookie may come from another site (cross-site request forgery).

    Browsers say where a request comes from; one that says nothing may only read.

    Args:
        method: Of the request.
        headers: Of the request, names in lower case.
    """
    if method in _SAFE_METHODS:
        return False
    site = headers.get("sec-fetch-site", "")
    if site:
        return site != "same-origin"
    origin = headers.get("origin", "")
    return not origin or urlsplit(origin).netloc != headers.get("host", "")


def set_cookie(response: Response, token: str, *, secure: bool) -> None:
    """Give the browser its session; scripts cannot read it, other sites do not send it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="strict",
        secure=secure,
        path="/",
    )


def delete_cookie(response: Response) -> None:
    """Take the session away."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
