"""Files: contents, and the names that users gave them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, select

from common_ml.errors import NotFoundError
from common_ml.service.db import schema as t
from common_ml.service.db.statements import insert_ignoring
from common_ml.service.db.texts import storable, text_ids
from common_ml.service.operations import visibility

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}\Z")
_CHUNK = 500
_NEWER = t.file_name.alias("newer_name")


@dataclass(frozen=True)
class File:
    """A content, as an actor sees it."""

    id: int
    """Row id, for joins and cursors. Hidden from users: it would reveal uploads of others."""
    sha256: str
    md5: str
    size: int
    """Bytes."""
    kind: str
    """image, video, audio, text or unknown."""
    key: str
    """Key of the content in the store."""
    suffix: str
    """Extension of its first name, such as `.mp4`; may be empty."""
    position: int
    """Sort key of its newest name, for `find`."""
    created_at: float
    """Unix time of the first visible name, in seconds."""
    names: tuple[str, ...] = ()
    """Visible names, newest first."""
    users: tuple[str, ...] = ()
    """Users who gave the visible names."""
    tags: tuple[str, ...] = ()
    """Manual tags, sorted."""
    tag_roles: tuple[str, ...] = ()
    """Roles that it is shared with, sorted."""
    states: dict[str, int] = field(default_factory=dict)
    """Number of visible predictions by state."""

    @property
    def name(self) -> str:
        """The newest name."""
        return self.names[0] if self.names else self.sha256


def add(
    core: Core,
    actor: Actor,
    *,
    sha256: str,
    md5: str,
    size: int,
    kind: str,
    name: str,
    key: str,
) -> File:
    """Give a stored content a name. Idempotent.

    Does not reveal whether another user had stored the content before.
    """

    def work(connection: Connection) -> File:
        now = core.clock.sql(connection)
        suffix = _SUFFIX.search(name)
        values = {
            "sha256": sha256,
            "md5": md5,
            "size": size,
            "kind": kind,
            "suffix": suffix.group().lower() if suffix else "",
            "key": key,
            "created_at": now,
        }
        connection.execute(insert_ignoring(connection, t.file).values(**values))
        wanted = select(t.file.c.id).where(t.file.c.sha256 == sha256).with_for_update()
        file_id = connection.execute(wanted).scalar_one()
        shown = storable(name)
        new_name = {
            "file_id": file_id,
            "user_id": actor.user_id,
            "name": shown,
            "text_id": text_ids(connection, [shown])[shown],
            "created_at": now,
        }
        connection.execute(insert_ignoring(connection, t.file_name).values(**new_name))
        return described(connection, actor, [file_id])[file_id]

    return core.database.write(work)


def get(core: Core, actor: Actor, digest: str) -> File:
    """Return the file of a SHA-256 or MD5.

    Raises:
        NotFoundError: there is none, or the actor may not see it.
    """
    found = get_many(core, actor, [digest]).get(digest)
    if found is None:
        raise NotFoundError(f"there is no file {digest[:80]}")
    return found


def get_many(core: Core, actor: Actor, digests: Iterable[str]) -> dict[str, File]:
    """Return files by SHA-256 or MD5; those that the actor may not see are left out."""
    wanted = list(dict.fromkeys(digests))

    def work(connection: Connection) -> dict[str, File]:
        numbers = visible_ids(connection, actor, wanted)
        files = described(connection, actor, list(numbers.values()))
        return {digest: files[number] for digest, number in numbers.items()}

    return core.database.read(work)


def find(
    core: Core,
    actor: Actor,
    *,
    kind: str | None = None,
    limit: int = 50,
    before: int | None = None,
) -> list[File]:
    """Return files, newest name first.

    Args:
        core: The service.
        actor: Who asks.
        kind: Only this kind.
        limit: How many at most.
        before: The `position` of the last file of the page before.
    """

    def work(connection: Connection) -> list[File]:
        pages = [
            connection.execute(wanted).all()
            for wanted in _newest_names(actor, kind=kind, limit=limit, before=before)
        ]
        numbers = {row.file_id: row.id for page in pages for row in page}
        newest = sorted(numbers, key=lambda number: -numbers[number])[:limit]
        files = described(connection, actor, newest)
        return [files[number] for number in newest]

    return core.database.read(work)


def count(core: Core, actor: Actor, *, kind: str | None = None) -> int:
    """Return how many files the actor sees."""
    wanted = (
        select(func.count()).select_from(t.file).where(visibility.sees_file(actor, t.file.c.id))
    )
    if kind is not None:
        wanted = wanted.where(t.file.c.kind == kind)
    return core.database.read(lambda connection: int(connection.execute(wanted).scalar_one()))


def remove(core: Core, actor: Actor, digest: str) -> None:
    """Remove the actor's names of a file, with tags and requests; those of others stay.

    Predictions that nobody else requested are cancelled; a later `gc` deletes the content.

    Raises:
        NotFoundError: the actor has given it no name.
    """
    from common_ml.service.db.requests import cancel_requests

    def work(connection: Connection) -> None:
        number = visible_ids(connection, actor, [digest]).get(digest)
        mine = and_(t.file_name.c.file_id == number, t.file_name.c.user_id == actor.user_id)
        if number is None or not connection.execute(delete(t.file_name).where(mine)).rowcount:
            raise NotFoundError(f"there is no file {digest[:80]} of yours")
        for table in (t.tag, t.tag_role):
            connection.execute(
                delete(table).where(table.c.file_id == number, table.c.user_id == actor.user_id)
            )
        asked = select(t.prediction.c.id).where(t.prediction.c.file_id == number)
        numbers = list(connection.execute(asked).scalars())
        cancel_requests(core, connection, numbers, user_id=actor.user_id)
        connection.execute(
            delete(t.request).where(
                t.request.c.user_id == actor.user_id, t.request.c.prediction_id.in_(numbers)
            )
        )

    core.database.write(work)


def visible_ids(connection: Connection, actor: Actor, digests: Sequence[str]) -> dict[str, int]:
    """Return the number of each visible file by its SHA-256 or MD5, within a transaction."""
    found: dict[str, int] = {}
    for column, length in ((t.file.c.sha256, 64), (t.file.c.md5, 32)):
        wanted = [digest for digest in digests if len(digest) == length]
        for start in range(0, len(wanted), _CHUNK):
            rows = connection.execute(
                select(t.file.c.id, column.label("digest"))
                .where(column.in_(wanted[start : start + _CHUNK]))
                .where(visibility.sees_file(actor, t.file.c.id))
                .order_by(t.file.c.id)
            )
            found |= {row.digest: row.id for row in rows}
    return found


def described(connection: Connection, actor: Actor, numbers: Sequence[int]) -> dict[int, File]:
    """Return visible files by their number, within a transaction."""
    files: dict[int, File] = {}
    for start in range(0, len(numbers), _CHUNK):
        files |= _described(connection, actor, list(numbers[start : start + _CHUNK]))
    return files


def _described(connection: Connection, actor: Actor, numbers: list[int]) -> dict[int, File]:
    name, tag, role, prediction = t.file_name, t.tag, t.tag_role, t.prediction
    names: dict[int, list[Any]] = {}
    for row in connection.execute(
        select(name.c.file_id, name.c.name, name.c.id, name.c.created_at, t.user.c.name.label("by"))
        .join(t.user, t.user.c.id == name.c.user_id)
        .where(name.c.file_id.in_(numbers))
        .where(visibility.sees_of_user(actor, name.c.file_id, name.c.user_id))
        .order_by(name.c.id.desc())
    ):
        names.setdefault(row.file_id, []).append(row)
    tags: dict[int, set[str]] = {}
    for given_tag in connection.execute(
        select(tag.c.file_id, tag.c.tag)
        .where(tag.c.file_id.in_(numbers))
        .where(visibility.sees_tag(actor))
    ):
        tags.setdefault(given_tag.file_id, set()).add(given_tag.tag)
    roles: dict[int, set[str]] = {}
    for opened in connection.execute(
        select(role.c.file_id, role.c.role)
        .where(role.c.file_id.in_(numbers))
        .where(visibility.sees_of_user(actor, role.c.file_id, role.c.user_id))
    ):
        roles.setdefault(opened.file_id, set()).add(opened.role)
    state = visibility.seen_state(actor).label("seen")
    states: dict[int, dict[str, int]] = {}
    for row in connection.execute(
        select(prediction.c.file_id, state, func.count().label("n"))
        .where(prediction.c.file_id.in_(numbers))
        .where(visibility.sees_prediction(actor))
        .group_by(prediction.c.file_id, state)
    ):
        states.setdefault(row.file_id, {})[row.seen] = row.n
    rows = connection.execute(select(t.file).where(t.file.c.id.in_(numbers)))
    return {
        row.id: File(
            id=row.id,
            sha256=row.sha256,
            md5=row.md5,
            size=row.size,
            kind=row.kind,
            key=row.key,
            suffix=row.suffix,
            position=given[0].id if (given := names.get(row.id, [])) else 0,
            created_at=given[-1].created_at if given else row.created_at,
            names=tuple(dict.fromkeys(entry.name for entry in given)),
            users=tuple(dict.fromkeys(entry.by for entry in given)),
            tags=tuple(sorted(tags.get(row.id, ()))),
            tag_roles=tuple(sorted(roles.get(row.id, ()))),
            states=states.get(row.id, {}),
        )
        for row in rows
    }


def _newest_names(actor: Actor, *, kind: str | None, limit: int, before: int | None) -> list[Any]:
    """Statements for the newest visible name of each file; each of them follows an index."""
    name, newer = t.file_name, _NEWER
    is_newest = ~visibility.any_row(
        newer,
        newer.c.file_id == name.c.file_id,
        newer.c.id > name.c.id,
        visibility.sees_of_user(actor, newer.c.file_id, newer.c.user_id),
    )
    wanted = select(name.c.id, name.c.file_id).where(is_newest)
    if kind is not None:
        wanted = wanted.join(t.file, t.file.c.id == name.c.file_id).where(t.file.c.kind == kind)
    if before is not None:
        wanted = wanted.where(name.c.id < before)
    wanted = wanted.order_by(name.c.id.desc()).limit(limit)
    if actor.sees_all:
        return [wanted]
    shared = (
        wanted.join(
            t.tag_role,
            and_(t.tag_role.c.file_id == name.c.file_id, t.tag_role.c.user_id == name.c.user_id),
        )
        .where(t.tag_role.c.role.in_(sorted(actor.roles)))
        .distinct()
    )
    return [wanted.where(name.c.user_id == actor.user_id), shared]
