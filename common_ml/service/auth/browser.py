"""Session cookies, and protection against cross-site request forgery."""

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

    Browsers send the origin of a request; without one only reading is allowed.

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
    """Set the session cookie: HttpOnly, SameSite."""
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
    """Delete the session cookie."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
