"""`/v1/users` and `/v1/audit`: user management and the audit log."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from common_ml.service.api.cursors import decode_cursor, encode_cursor
from common_ml.service.api.dependencies import AnyActor, allow, server_of
from common_ml.service.api.v1.documents import rfc3339_time
from common_ml.service.api.v1.schemas import (
    AuditDocument,
    Page,
    UserChange,
    UserDocument,
    UserRequest,
)
from common_ml.service.auth.passwords import hash_password, verify_password
from common_ml.service.operations import audit, users
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.users import User
from common_ml.service.problems import Problem

router = APIRouter(prefix="/v1", tags=["users"])
Admin = Annotated[Actor, Depends(allow("admin"))]


@router.get("/users", response_model=Page[UserDocument])
def list_users(request: Request, actor: Admin) -> dict[str, Any]:
    """List all users, by name."""
    del actor
    return {"items": [*map(_document, users.find_all(server_of(request).core))], "next": None}


@router.post("/users", status_code=201, response_model=UserDocument)
def create_user(request: Request, actor: Admin, body: UserRequest) -> dict[str, Any]:
    """Create a user."""
    core = server_of(request).core
    hashed = None if body.password is None else hash_password(body.password)
    user = users.create(core, name=body.username, roles=body.roles, password_hash=hashed)
    audit.record(core, actor, "user.created", object=user.name, data={"roles": sorted(body.roles)})
    return _document(user)


@router.patch("/users/{username}", response_model=UserDocument)
def change_user(
    request: Request, username: str, actor: AnyActor, body: UserChange
) -> dict[str, Any]:
    """Change a user; everybody may change their own password, `me` is oneself."""
    core = server_of(request).core
    name = actor.name if username == "me" else username
    is_self = name == actor.name
    if not is_self or body.roles is not None or body.disabled is not None:
        allow("admin")(request)
    if request.state.token.scopes is not None:
        raise Problem(403, "an API key with a part of your rights cannot change users")
    if is_self and body.password is not None:
        _check_current(users.get(core, name), body)
    user = users.change(
        core,
        name,
        roles=body.roles,
        disabled=body.disabled,
        password_hash=None if body.password is None else hash_password(body.password),
    )
    changed = body.model_dump(exclude_none=True, exclude={"password", "current_password"})
    if body.password is not None:
        changed["new_password"] = True
    audit.record(core, actor, "user.changed", object=name, data=changed)
    return _document(user)


@router.delete("/users/{username}", status_code=204, response_class=Response)
def remove_user(request: Request, username: str, actor: Admin) -> Response:
    """Remove a user with all files and results that nobody else has."""
    core = server_of(request).core
    users.remove(core, username)
    audit.record(core, actor, "user.removed", object=username)
    return Response(status_code=204)


@router.get("/audit", response_model=Page[AuditDocument])
def list_audit(
    request: Request,
    actor: Admin,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str, Query(max_length=2048)] = "",
) -> dict[str, Any]:
    """List who did what, newest first: logins, users, keys, roles."""
    del actor
    before = decode_cursor(cursor, int)[0] if cursor else None
    found = audit.entries(server_of(request).core, limit=limit, before=before)
    return {
        "items": [
            {
                "username": entry.user_name,
                "action": entry.action,
                "object": entry.object,
                "data": entry.data,
                "created_at": rfc3339_time(entry.created_at),
            }
            for entry in found
        ],
        "next": encode_cursor(found[-1].id) if len(found) == limit else None,
    }


def _check_current(user: User, body: UserChange) -> None:
    """Require the current password, so that an unattended browser cannot take over an account."""
    if user.password_hash and not verify_password(body.current_password or "", user.password_hash):
        raise Problem(403, "the current password is wrong", code="wrong_password")


def _document(user: User) -> dict[str, Any]:
    return {
        "username": user.name,
        "roles": list(user.roles),
        "disabled": user.disabled,
        "created_at": rfc3339_time(user.created_at),
    }
