"""Log in by password, or by the one-time link of the first start."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from common_ml.errors import NotFoundError
from common_ml.service.auth.browser import SESSION_SECONDS
from common_ml.service.auth.passwords import hash_password, password_problem, verify_password
from common_ml.service.auth.tokens import new_token, token_hash
from common_ml.service.operations import audit, tokens, users
from common_ml.service.problems import Problem

if TYPE_CHECKING:
    from common_ml.service.api.server_state import Server
    from common_ml.service.operations.users import User

_SETUP_SECONDS = 24 * 3600
ADMIN = "admin"


def log_in(server: Server, name: str, password: str, *, address: str) -> tuple[str, User]:
    """Check a password; return a new session's token, and the user.

    Args:
        server: The server.
        name: Of the user.
        password: Of the user.
        address: Of the client: failures are limited by name and by address.

    Raises:
        Problem: 401, another name or password; 429, too many failures.
    """
    keys = (("name", name), ("address", address))
    seconds = server.logins.retry_after(*keys)
    if seconds:
        raise Problem(
            429,
            f"too many failed logins; hint: try again in {math.ceil(seconds)} s",
            code="too_many_logins",
            headers={"retry-after": str(math.ceil(seconds))},
        )
    user = _find(server, name)
    is_right = verify_password(password, user.password_hash if user else None)
    if user is None or user.disabled or not is_right:
        server.logins.add(*keys)
        server.metrics.failed_logins.inc()
        audit.record(server.core, name[:200], "login.failed", data={"address": address})
        raise Problem(401, "the name or the password is wrong", code="wrong_password")
    server.logins.clear(("name", name))
    audit.record(server.core, user.actor, "login", data={"address": address})
    return begin_session(server, user), user


def begin_session(server: Server, user: User) -> str:
    """Return the token of a new session."""
    token, hashed = new_token()
    tokens.create(
        server.core,
        user_id=user.id,
        token_hash=hashed,
        kind="session",
        lifetime_seconds=SESSION_SECONDS,
    )
    return token


def use_setup_token(server: Server, token: str, *, address: str) -> tuple[str, User]:
    """Use the one-time link; return a session's token, and the user.

    Raises:
        Problem: 401, it is unknown, used or expired; 429, too many were tried.
    """
    key = ("setup", address)
    if seconds := server.logins.retry_after(key):
        raise Problem(429, "too many attempts", headers={"retry-after": str(math.ceil(seconds))})
    user_id = tokens.consume(server.core, token_hash(token))
    if user_id is None:
        server.logins.add(key)
        raise Problem(
            401,
            "the link was used or has expired; hint: start the service again for a new one",
            code="invalid_setup",
        )
    user = users.get_by_id(server.core, user_id)
    audit.record(server.core, user.actor, "login.setup", data={"address": address})
    return begin_session(server, user), user


def prepare_admin(server: Server, *, password: str | None) -> str | None:
    """Ensure at the start of a server that an administrator can log in.

    Args:
        server: The server.
        password: Password of the user `admin`, from the environment; None for a one-time link.

    Returns:
        The token of the one-time link; None where an administrator has a password.

    Raises:
        ValueError: the password cannot be chosen.
    """
    admin = _find(server, ADMIN)
    if password is not None:
        if problem := password_problem(password):
            raise ValueError(problem)
        if admin is None:
            users.create(
                server.core, name=ADMIN, roles=["admin"], password_hash=hash_password(password)
            )
        elif not verify_password(password, admin.password_hash):
            users.change(server.core, ADMIN, password_hash=hash_password(password))
        return None
    everybody = users.find_all(server.core)
    if any("admin" in u.roles and u.password_hash and not u.disabled for u in everybody):
        return None
    if admin is None:
        admin = users.create(server.core, name=ADMIN, roles=["admin"])
    tokens.revoke_all(server.core, admin.id, kind="setup")
    token, hashed = new_token()
    tokens.create(
        server.core,
        user_id=admin.id,
        token_hash=hashed,
        kind="setup",
        lifetime_seconds=_SETUP_SECONDS,
    )
    return token


def _find(server: Server, name: str) -> User | None:
    try:
        return users.get(server.core, name)
    except NotFoundError:
        return None
