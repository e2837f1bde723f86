"""Manual tags of files, and sharing of files with roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from common_ml.errors import ForbiddenError, InvalidRequestError, NotFoundError
from common_ml.service.auth.rights import ROLES
from common_ml.service.db import schema as t
from common_ml.service.db.statements import insert_ignoring
from common_ml.service.db.texts import storable, text_ids
from common_ml.service.operations import users, visibility
from common_ml.service.operations.files import visible_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor

MAX_CHARACTERS = 200


def change(
    core: Core,
    actor: Actor,
    digests: Sequence[str],
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    for_user: str | None = None,
) -> None:
    """Add and remove tags of files.

    Users who have given the file a name, and administrators, may remove all visible tags; others
    only their own.

    Args:
        core: The service.
        actor: Who tags.
        digests: SHA-256 or MD5 of the files.
        add: Tags.
        remove: Tags; one that is not there is no error.
        for_user: The name of another user, for whom an administrator acts.

    Raises:
        NotFoundError: a file that the actor does not see; no such user.
        ForbiddenError: another user, and the actor is no administrator.
        InvalidRequestError: a tag is empty or too long.
    """
    new, old = _checked(add), _checked(remove)
    author = _author(core, actor, for_user)

    def work(connection: Connection) -> None:
        numbers = _numbers(connection, actor, digests)
        texts = text_ids(connection, new)
        now = core.clock.sql(connection)
        for number in numbers:
            mine = t.tag.c.user_id == author
            condition = visibility.sees_tag(actor) if _owns(connection, actor, number) else mine
            connection.execute(
                delete(t.tag).where(t.tag.c.file_id == number, t.tag.c.tag.in_(old), condition)
            )
            for tag in new:
                row = {"file_id": number, "user_id": author, "tag": tag, "text_id": texts[tag]}
                added = insert_ignoring(connection, t.tag).values(**row, created_at=now)
                connection.execute(added)

    core.database.write(work)


def change_roles(
    core: Core,
    actor: Actor,
    digests: Sequence[str],
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    for_user: str | None = None,
) -> None:
    """Share files with roles, whose users then see the sharer's names and predictions.

    Args:
        core: The service.
        actor: Who has given the files a name. An administrator who has not acts for all who have.
        digests: SHA-256 or MD5 of the files.
        add: Roles.
        remove: Roles; one that is not there is no error.
        for_user: The name of another user, for whom an administrator acts.

    Raises:
        NotFoundError: a file that the actor does not see; no such user.
        ForbiddenError: the actor has not given the file a name.
        InvalidRequestError: a role is unknown.
    """
    new, old = sorted(set(add)), sorted(set(remove))
    known = [str(role) for role in ROLES]
    problems = [
        f"unknown role {role!r:.100}, expected one of {known}"
        for role in [*new, *old]
        if role not in known
    ]
    if problems:
        raise InvalidRequestError(problems)
    author = _author(core, actor, for_user)

    def work(connection: Connection) -> None:
        r, n = t.tag_role.c, t.file_name.c
        for number in _numbers(connection, actor, digests):
            named = select(n.user_id).where(n.file_id == number).distinct()
            owners = sorted(connection.execute(named).scalars())
            if author in owners:
                owners = [author]
            elif for_user is not None or not actor.sees_all:
                raise ForbiddenError("only who has uploaded a file may open it to a role")
            connection.execute(
                delete(t.tag_role).where(
                    r.file_id == number, r.user_id.in_(owners), r.role.in_(old)
                )
            )
            for owner in owners:
                for role in new:
                    row = {"file_id": number, "user_id": owner, "role": role}
                    connection.execute(insert_ignoring(connection, t.tag_role).values(**row))

    core.database.write(work)


def _checked(tags: Iterable[str]) -> list[str]:
    wanted = sorted({storable(tag).strip() for tag in tags})
    problems = [
        f"a tag must have 1 to {MAX_CHARACTERS} characters, got {tag!r:.60}"
        for tag in wanted
        if not 0 < len(tag) <= MAX_CHARACTERS
    ]
    if problems:
        raise InvalidRequestError(problems)
    return wanted


def _author(core: Core, actor: Actor, for_user: str | None) -> int:
    if for_user is None or for_user == actor.name:
        return actor.user_id
    if not actor.sees_all:
        raise ForbiddenError("only administrators act for other users")
    return users.get(core, for_user).id


def _numbers(connection: Connection, actor: Actor, digests: Sequence[str]) -> list[int]:
    found = visible_ids(connection, actor, digests)
    missing = [digest for digest in digests if digest not in found]
    if missing:
        raise NotFoundError(f"there is no file {missing[0][:80]}")
    return sorted(set(found.values()))


def _owns(connection: Connection, actor: Actor, number: int) -> bool:
    n = t.file_name.c
    mine = select(n.id).where(n.file_id == number, n.user_id == actor.user_id).limit(1)
    return actor.sees_all or connection.execute(mine).first() is not None
