"""`/auth`: login by password, profile, and API keys."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request

from common_ml.service.api.dependencies import AnyActor, allow, server_of
from common_ml.service.api.logins import log_in
from common_ml.service.api.v1.documents import parsed_id, rfc3339_time
from common_ml.service.api.v1.tokens import make_key
from common_ml.service.auth.browser import SESSION_SECONDS
from common_ml.service.auth.rights import RIGHTS
from common_ml.service.operations import audit, tokens
from common_ml.service.operations.actor import Actor

router = APIRouter(prefix="/auth", tags=["pipeline"])
KeyOwner = Annotated[Actor, Depends(allow("keys"))]


@router.post("/login", openapi_extra={"x-open": True})
def login(
    request: Request,
    username: Annotated[str, Form(max_length=200, examples=["admin"])],
    password: Annotated[str, Form(max_length=1024)],
    grant_type: Annotated[str, Form(max_length=20)] = "password",
    scope: Annotated[str, Form(max_length=2000)] = "",
) -> dict[str, Any]:
    """Log in with the password form of OAuth2; the token goes into `Authorization: Bearer`."""
    del grant_type, scope
    address = request.client.host if request.client else ""
    token, user = log_in(server_of(request), username, password, address=address)
    return {
        "access_token": token,
        "token_type": "bearer",
        "expires_in": SESSION_SECONDS,
        "username": user.name,
        "roles": list(user.roles),
    }


@router.get("/status")
def status(actor: AnyActor) -> dict[str, Any]:
    """Say that the token is valid, and whose it is."""
    return {"status": "success", "username": actor.name, "roles": sorted(actor.roles)}


@router.get("/profile")
def profile(actor: AnyActor) -> dict[str, Any]:
    """Say who you are."""
    return {
        "username": actor.name,
        "email": None,
        "roles": sorted(actor.roles),
        "rights": sorted(actor.rights),
    }


@router.get("/key")
def list_keys(request: Request, actor: KeyOwner) -> dict[str, Any]:
    """List your API keys, without their secrets."""
    found = tokens.find_all(server_of(request).core, actor.user_id, kind="key")
    return {
        "keys": [
            {
                "id": str(token.id),
                "user": actor.name,
                "detail": token.name,
                "enabled": True,
                "rights": sorted(actor.rights if token.scopes is None else token.scopes),
                "created_at": rfc3339_time(token.created_at),
            }
            for token in found
        ]
    }


@router.post("/key")
def create_key(
    request: Request, actor: KeyOwner, detail: Annotated[str, Query(max_length=200)] = ""
) -> dict[str, Any]:
    """Make an API key with your rights; its secret is in this answer only."""
    made = make_key(request, actor, name=detail, rights=None, days=None)
    return {
        "id": made["id"],
        "key": made["token"],
        "user": actor.name,
        "detail": detail,
        "enabled": True,
        "rights": [right for right in RIGHTS if right in made["rights"]],
    }


@router.delete("/key")
def delete_key(
    request: Request,
    actor: KeyOwner,
    id: Annotated[str, Query(max_length=20)],  # noqa: A002 - of the address
) -> dict[str, str]:
    """Revoke an API key."""
    core = server_of(request).core
    tokens.revoke(core, actor.user_id, parsed_id(id, "key"))
    audit.record(core, actor, "token.revoked", object=id)
    return {"status": "success", "detail": f"key {id} was revoked"}
