"""`/v1/session`: login and logout of the page, by a session cookie."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from common_ml.service.api.dependencies import AnyActor, server_of
from common_ml.service.api.logins import log_in, use_setup_token
from common_ml.service.api.v1.schemas import Profile, SessionRequest
from common_ml.service.auth.browser import COOKIE, delete_cookie, is_forged, set_cookie
from common_ml.service.auth.tokens import token_hash
from common_ml.service.operations import tokens, users
from common_ml.service.operations.users import User
from common_ml.service.problems import Problem

router = APIRouter(prefix="/v1/session", tags=["session"])


@router.post("", response_model=Profile, openapi_extra={"x-open": True})
def begin_session(request: Request, response: Response, body: SessionRequest) -> dict[str, Any]:
    """Log in by name and password, or by the one-time link; the answer sets a cookie."""
    server = server_of(request)
    if is_forged(request.method, request.headers) and "sec-fetch-site" in request.headers:
        raise Problem(403, "another site sent this login", code="forged")
    address = request.client.host if request.client else ""
    if body.setup:
        token, user = use_setup_token(server, body.setup, address=address)
    else:
        token, user = log_in(server, body.username, body.password, address=address)
    secure = server.secure_cookies or request.url.scheme == "https"
    set_cookie(response, token, secure=secure)
    return profile_of(user, user.actor.rights)


@router.get("", response_model=Profile)
def show_session(request: Request, actor: AnyActor) -> dict[str, Any]:
    """Say who you are and what you may do."""
    return profile_of(users.get_by_id(server_of(request).core, actor.user_id), actor.rights)


@router.delete("", status_code=204, response_class=Response)
def end_session(request: Request, actor: AnyActor) -> Response:
    """Log out: the session ends on the server, too."""
    del actor
    token = request.cookies.get(COOKIE, "")
    if token:
        tokens.revoke_by_hash(server_of(request).core, token_hash(token))
    response = Response(status_code=204)
    delete_cookie(response)
    return response


def profile_of(user: User, rights: frozenset[str]) -> dict[str, Any]:
    """Return the document of a user, for themselves."""
    return {
        "username": user.name,
        "roles": list(user.roles),
        "rights": sorted(rights),
        "has_password": user.password_hash is not None,
    }
