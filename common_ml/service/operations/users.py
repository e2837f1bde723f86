"""Users and their roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from common_ml.errors import ConflictError, InvalidRequestError, NotFoundError
from common_ml.service.auth.rights import ROLES, rights_of
from common_ml.service.db import schema as t
from common_ml.service.operations.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

    from common_ml.service.core import Core


@dataclass(frozen=True)
class User:
    """A user."""

    id: int
    name: str
    roles: tuple[str, ...]
    """Sorted."""
    password_hash: str | None
    disabled: bool
    created_at: float
    """Seconds since 1970."""

    @property
    def actor(self) -> Actor:
        """The user with all rights of the roles."""
        return Actor(self.id, self.name, frozenset(self.roles), rights_of(self.roles))


def create(
    core: Core, *, name: str, roles: Iterable[str] = (), password_hash: str | None = None
) -> User:
    """Create a user.

    Raises:
        ConflictError: the name is taken.
        InvalidRequestError: a role is unknown.
    """
    wanted = _checked(roles)

    def work(connection: Connection) -> User:
        values = {
            "name": name,
            "password_hash": password_hash,
            "created_at": core.clock.sql(connection),
        }
        new = insert(t.user).values(**values).returning(t.user.c.id)
        user_id = connection.execute(new).scalar_one()
        _set_roles(connection, user_id, wanted)
        return _get(connection, t.user.c.id == user_id)

    try:
        return core.database.write(work)
    except IntegrityError as error:
        raise ConflictError(f"there is a user {name!r} already") from error


def get(core: Core, name: str) -> User:
    """Return the user of a name.

    Raises:
        NotFoundError: there is none.
    """
    return core.database.read(lambda connection: _get(connection, t.user.c.name == name))


def get_by_id(core: Core, user_id: int) -> User:
    """Return a user.

    Raises:
        NotFoundError: there is none.
    """
    return core.database.read(lambda connection: _get(connection, t.user.c.id == user_id))


def find_all(core: Core) -> list[User]:
    """Return all users, by name."""
    return core.database.read(_all)


def count(core: Core) -> int:
    """Return how many users there are."""

    def work(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(t.user)).scalar_one())

    return core.database.read(work)


def change(
    core: Core,
    name: str,
    *,
    roles: Iterable[str] | None = None,
    password_hash: str | None = None,
    disabled: bool | None = None,
) -> User:
    """Update the given fields of a user.

    A new password and a disabled user end all sessions and keys; roles take effect at once, too,
    because tokens carry no rights beyond those of their owner.

    Raises:
        NotFoundError: there is no such user.
        ConflictError: no user would be left who can manage users.
        InvalidRequestError: a role is unknown.
    """
    wanted = None if roles is None else _checked(roles)

    def work(connection: Connection) -> User:
        user = _get(connection, t.user.c.name == name)
        values: dict[str, Any] = {}
        if password_hash is not None:
            values["password_hash"] = password_hash
        if disabled is not None:
            values["disabled"] = disabled
        if values:
            connection.execute(update(t.user).where(t.user.c.id == user.id).values(**values))
        if wanted is not None:
            _set_roles(connection, user.id, wanted)
        if password_hash is not None:
            sessions = t.token.c.kind.in_(["session", "setup"])
            connection.execute(delete(t.token).where(t.token.c.user_id == user.id, sessions))
        if disabled:
            connection.execute(delete(t.token).where(t.token.c.user_id == user.id))
        _keep_an_admin(connection, before=user)
        return _get(connection, t.user.c.id == user.id)

    return core.database.write(work)


def remove(core: Core, name: str) -> None:
    """Remove a user with all names, requests and tokens; contents go with the next `gc`.

    Raises:
        NotFoundError: there is no such user.
        ConflictError: no user would be left who can manage users.
    """

    def work(connection: Connection) -> None:
        user = _get(connection, t.user.c.name == name)
        others = select(func.min(t.request.c.user_id)).where(
            t.request.c.prediction_id == t.prediction.c.id, t.request.c.user_id != user.id
        )
        mine = t.prediction.c.user_id == user.id
        # a prediction that others asked for, too, moves to their share
        shared = update(t.prediction).where(mine, others.scalar_subquery().is_not(None))
        connection.execute(shared.values(user_id=others.scalar_subquery()))
        connection.execute(delete(t.user).where(t.user.c.id == user.id))
        _keep_an_admin(connection, before=user)

    core.database.write(work)


def _keep_an_admin(connection: Connection, *, before: User) -> None:
    if "admin" not in before.roles or before.disabled:
        return
    left = (
        select(func.count())
        .select_from(t.user.join(t.user_role, t.user_role.c.user_id == t.user.c.id))
        .where(t.user_role.c.role == "admin", t.user.c.disabled.is_(False))
    )
    if not connection.execute(left).scalar_one():
        raise ConflictError(
            f"{before.name} is the last administrator; hint: give another user the role admin first"
        )


def _all(connection: Connection) -> list[User]:
    rows = connection.execute(select(t.user).order_by(t.user.c.name)).all()
    roles: dict[int, list[str]] = {}
    for row in connection.execute(select(t.user_role)):
        roles.setdefault(row.user_id, []).append(row.role)
    return [_user(row, roles.get(row.id, [])) for row in rows]


def _get(connection: Connection, condition: Any) -> User:
    row = connection.execute(select(t.user).where(condition)).first()
    if row is None:
        raise NotFoundError("there is no such user")
    roles = select(t.user_role.c.role).where(t.user_role.c.user_id == row.id)
    return _user(row, connection.execute(roles).scalars())


def _user(row: Row[Any], roles: Iterable[str]) -> User:
    return User(
        row.id,
        row.name,
        tuple(sorted(roles)),
        row.password_hash,
        bool(row.disabled),
        row.created_at,
    )


def _set_roles(connection: Connection, user_id: int, roles: list[str]) -> None:
    connection.execute(delete(t.user_role).where(t.user_role.c.user_id == user_id))
    if roles:
        rows = [{"user_id": user_id, "role": role} for role in roles]
        connection.execute(insert(t.user_role), rows)


def _checked(roles: Iterable[str]) -> list[str]:
    wanted = sorted(set(roles))
    known = [str(role) for role in ROLES]
    problems = [
        f"unknown role {role!r}, expected one of {known}" for role in wanted if role not in known
    ]
    if problems:
        raise InvalidRequestError(problems)
    return wanted
