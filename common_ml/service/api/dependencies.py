"""FastAPI dependencies: the server state, authentication and authorisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

from common_ml.service.api.server_state import Server
from common_ml.service.auth.browser import COOKIE, is_forged
from common_ml.service.auth.rights import roles_with
from common_ml.service.auth.tokens import token_hash
from common_ml.service.operations import tokens
from common_ml.service.operations.actor import Actor
from common_ml.service.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.service.auth.rights import Right

_CHALLENGE = {"www-authenticate": 'Bearer realm="common-ml"'}


def server_of(request: Request) -> Server:
    """Return the state of the server."""
    return cast("Server", request.app.state.server)


def actor_of(request: Request) -> Actor:
    """Authenticate a request; blocks on the database.

    A bearer token, the header `API_KEY` or `X-API-Key`, or the page's cookie, in this order.

    Raises:
        Problem: 401, no token, or an unknown or expired one; 403, the cookie is sent by a page of
            another site.
    """
    token, is_cookie = _presented(request)
    if not token:
        raise Problem(
            401, "log in, or send `Authorization: Bearer TOKEN`", headers=dict(_CHALLENGE)
        )
    if is_cookie and is_forged(request.method, request.headers):
        raise Problem(403, "the session's cookie was sent by another site", code="forged")
    found = tokens.find(server_of(request).core, token_hash(token))
    if found is None or found[0].kind == "setup":
        raise Problem(
            401,
            "the token is unknown, expired or revoked; hint: log in again",
            code="invalid_token",
            headers={
                "www-authenticate": f'{_CHALLENGE["www-authenticate"]}, error="invalid_token"'
            },
        )
    request.state.token, actor = found
    request.scope["common_ml.user"] = actor.name
    return actor


def allow(right: Right) -> Callable[[Request], Actor]:
    """Return a dependency that requires a right, and returns the actor.

    Args:
        right: See `auth.rights`.
    """

    def checked(request: Request) -> Actor:
        actor = actor_of(request)
        if right not in actor.rights:
            having = " or ".join(roles_with(right))
            raise Problem(
                403,
                f"this needs the right {right!r}, got {', '.join(sorted(actor.rights)) or 'none'}; "
                f"hint: the role {having} has it, and a key made with it",
                code="forbidden",
            )
        return actor

    checked.right = right  # type: ignore[attr-defined] # for the test of the table of roles
    return checked


def _presented(request: Request) -> tuple[str, bool]:
    """Return the token of a request, and whether it comes from the cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip(), False
    for name in ("x-api-key", "api_key", "api-key"):
        if key := request.headers.get(name):
            return key, False
    cookie = request.cookies.get(COOKIE, "")
    return cookie, True


AnyActor = Annotated[Actor, Depends(actor_of)]
"""Whoever is logged in, whatever their rights."""
