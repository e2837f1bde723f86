"""`/v1/tokens`: API keys with a subset of their owner's rights."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.v1.documents import optional_rfc3339_time, parsed_id, rfc3339_time
from common_ml.service.api.v1.schemas import Page, TokenDocument, TokenRequest
from common_ml.service.auth.rights import RIGHTS
from common_ml.service.auth.tokens import new_token
from common_ml.service.operations import audit, tokens
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.tokens import Token
from common_ml.service.problems import Problem

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])
KeyOwner = Annotated[Actor, Depends(allow("keys"))]
_DAY = 24 * 3600.0


@router.get("", response_model=Page[TokenDocument])
def list_tokens(request: Request, actor: KeyOwner) -> dict[str, Any]:
    """List your API keys and sessions, newest first, without their secrets."""
    found = tokens.find_all(server_of(request).core, actor.user_id)
    items = [document(token, actor) for token in found if token.kind != "setup"]
    return {"items": items, "next": None}


@router.post("", status_code=201, response_model=TokenDocument)
def create_token(request: Request, actor: KeyOwner, body: TokenRequest) -> dict[str, Any]:
    """Make an API key; its secret is in this answer only."""
    return make_key(
        request,
        actor,
        name=body.name,
        rights=None if body.rights is None else [str(right) for right in body.rights],
        days=body.days,
    )


@router.delete("/{token_id}", status_code=204, response_class=Response)
def revoke_token(request: Request, token_id: str, actor: KeyOwner) -> Response:
    """Revoke an API key or end a session, at once."""
    core = server_of(request).core
    tokens.revoke(core, actor.user_id, parsed_id(token_id, "token"))
    audit.record(core, actor, "token.revoked", object=token_id)
    return Response(status_code=204)


def make_key(
    request: Request, actor: Actor, *, name: str, rights: list[str] | None, days: int | None
) -> dict[str, Any]:
    """Make an API key; return its document with the secret.

    Raises:
        Problem: 403, it would have rights that its maker does not have.
    """
    core = server_of(request).core
    # a key of a key has no more rights than that one
    wanted = actor.rights if rights is None else frozenset(rights)
    if missing := wanted - actor.rights:
        raise Problem(
            403,
            f"a key has a subset of your rights {sorted(actor.rights)}, got {sorted(missing)}, too",
            code="forbidden",
        )
    everything = rights is None and request.state.token.scopes is None
    secret, hashed = new_token()
    token = tokens.create(
        core,
        user_id=actor.user_id,
        token_hash=hashed,
        kind="key",
        name=name,
        scopes=None if everything else wanted,
        lifetime_seconds=None if days is None else days * _DAY,
    )
    audit.record(core, actor, "token.created", object=str(token.id), data={"name": name})
    return {**document(token, actor), "token": secret}


def document(token: Token, actor: Actor) -> dict[str, Any]:
    """Return the document of a token, without its secret."""
    rights = actor.rights if token.scopes is None else token.scopes & frozenset(RIGHTS)
    return {
        "id": str(token.id),
        "name": token.name,
        "kind": token.kind,
        "rights": sorted(rights),
        "created_at": rfc3339_time(token.created_at),
        "expires_at": optional_rfc3339_time(token.expires_at),
        "used_at": optional_rfc3339_time(token.used_at),
    }
