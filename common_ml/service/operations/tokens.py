"""Tokens: sessions, API keys and one-time links; only the hash is stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import delete, insert, select, update

from common_ml.errors import NotFoundError
from common_ml.service.auth.rights import rights_of
from common_ml.service.db import schema as t
from common_ml.service.operations.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from common_ml.service.core import Core

TokenKind: TypeAlias = Literal["session", "key", "setup"]
_USED_SECONDS = 60
"""Resolution of the last use in seconds, so that not every request writes."""


@dataclass(frozen=True)
class Token:
    """A token, without its secret."""

    id: int
    user_id: int
    kind: TokenKind
    name: str
    scopes: frozenset[str] | None
    """Rights; None for all of the owner's."""
    created_at: float
    expires_at: float | None
    used_at: float | None


def create(
    core: Core,
    *,
    user_id: int,
    token_hash: str,
    kind: TokenKind,
    name: str = "",
    scopes: Iterable[str] | None = None,
    lifetime_seconds: float | None = None,
) -> Token:
    """Store a new token.

    Args:
        core: The service.
        user_id: Its owner.
        token_hash: See `auth.tokens.token_hash`.
        kind: A login, an API key, or the one-time link of the first start.
        name: For people.
        scopes: Rights; None for all of the owner's. Rights that the owner does not have, or loses
            later, have no effect.
        lifetime_seconds: None for one that does not expire.
    """

    def work(connection: Connection) -> Token:
        now = core.clock.sql(connection)
        values = {
            "user_id": user_id,
            "hash": token_hash,
            "kind": kind,
            "name": name,
            "scopes": None if scopes is None else json.dumps(sorted(set(scopes))),
            "created_at": now,
            "expires_at": None if lifetime_seconds is None else now + lifetime_seconds,
        }
        new = insert(t.token).values(**values).returning(*t.token.c)
        return _token(connection.execute(new).one())

    return core.database.write(work)


def find(core: Core, token_hash: str) -> tuple[Token, Actor] | None:
    """Return a token and its actor; None if it is unknown or expired, or its owner disabled."""

    def read(connection: Connection) -> tuple[Row[Any], list[str], bool] | None:
        now = core.clock.sql(connection)
        wanted = (
            select(
                t.token, t.user.c.name.label("user_name"), (now - t.token.c.used_at).label("age")
            )
            .join(t.user, t.user.c.id == t.token.c.user_id)
            .where(
                t.token.c.hash == token_hash,
                t.user.c.disabled.is_(False),
                t.token.c.expires_at.is_(None) | (t.token.c.expires_at > now),
            )
        )
        row = connection.execute(wanted).first()
        if row is None:
            return None
        roles = select(t.user_role.c.role).where(t.user_role.c.user_id == row.user_id)
        is_fresh = row.age is not None and row.age < _USED_SECONDS
        return row, list(connection.execute(roles).scalars()), is_fresh

    found = core.database.read(read)
    if found is None:
        return None
    row, roles, is_fresh = found
    if not is_fresh:
        _note_use(core, row.id)
    token = _token(row)
    rights = rights_of(roles)
    if token.scopes is not None:
        rights &= token.scopes
    return token, Actor(row.user_id, row.user_name, frozenset(roles), rights)


def consume(core: Core, token_hash: str) -> int | None:
    """Remove a one-time token; return its owner, or None if it is unknown, used or expired."""

    def work(connection: Connection) -> int | None:
        now = core.clock.sql(connection)
        gone = (
            delete(t.token)
            .where(
                t.token.c.hash == token_hash,
                t.token.c.kind == "setup",
                t.token.c.expires_at.is_(None) | (t.token.c.expires_at > now),
            )
            .returning(t.token.c.user_id)
        )
        return connection.execute(gone).scalar_one_or_none()

    return core.database.write(work)


def find_all(core: Core, user_id: int, *, kind: TokenKind | None = None) -> list[Token]:
    """Return the tokens of a user, newest first."""
    wanted = select(t.token).where(t.token.c.user_id == user_id).order_by(t.token.c.id.desc())
    if kind is not None:
        wanted = wanted.where(t.token.c.kind == kind)
    rows = core.database.read(lambda connection: connection.execute(wanted).all())
    return [_token(row) for row in rows]


def revoke(core: Core, user_id: int, token_id: int) -> None:
    """Remove a token of a user.

    Raises:
        NotFoundError: the user has no such token.
    """
    gone = delete(t.token).where(t.token.c.id == token_id, t.token.c.user_id == user_id)
    if not core.database.write(lambda connection: connection.execute(gone).rowcount):
        raise NotFoundError(f"there is no token {token_id}")


def revoke_all(core: Core, user_id: int, *, kind: TokenKind | None = None) -> int:
    """Remove the tokens of a user, of one kind or all; return how many."""
    gone = delete(t.token).where(t.token.c.user_id == user_id)
    if kind is not None:
        gone = gone.where(t.token.c.kind == kind)
    return core.database.write(lambda connection: connection.execute(gone).rowcount)


def revoke_by_hash(core: Core, token_hash: str) -> bool:
    """Remove a token, as at a logout; return whether it was there."""
    gone = delete(t.token).where(t.token.c.hash == token_hash)
    return bool(core.database.write(lambda connection: connection.execute(gone).rowcount))


def _note_use(core: Core, token_id: int) -> None:
    def work(connection: Connection) -> None:
        noted = update(t.token).where(t.token.c.id == token_id)
        connection.execute(noted.values(used_at=core.clock.sql(connection)))

    core.database.write(work)


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        user_id=row.user_id,
        kind=row.kind,
        name=row.name,
        scopes=None if row.scopes is None else frozenset(json.loads(row.scopes)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
