"""Search files by labels, tags and names, newest name first.

Query plans: a page of the newest files reads a bounded number of rows in all but rare cases. A
selective word or label is looked up by its index, and the other conditions are evaluated on those
files alone. Where all are frequent, names are scanned from the newest on until the page is full.
Only what neither finds, such as a late page, needs a full sort.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal, select

from common_ml.service.db import schema as t
from common_ml.service.operations import visibility
from common_ml.service.operations.files import File, described
from common_ml.service.operations.search_query import (
    MAX_WORDS,
    Query,
    conditions,
    rare_files,
    sees_label,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection

    from common_ml.service.core import Core
    from common_ml.service.operations.actor import Actor

__all__ = ["MAX_WORDS", "Query", "count", "digests", "find", "labels_of", "page"]

_FEW = 200
"""A word or label with at most this many rows is selective: its files are checked one by one."""
_MAX_OFFSET = 1_000
"""Largest offset of a page for which the newest names are scanned."""
_CHUNKS = (100, 400, 1_500, 2_000)
"""Numbers of newest names that are scanned, one chunk per query."""
_f, _l, _n = t.file.c, t.label.c, t.file_name.c
_NEWEST = t.file_name.alias("newest_name")


def find(
    core: Core, actor: Actor, query: Query, *, limit: int = 50, before: int | None = None
) -> list[File]:
    """Return the files that fit, newest name first.

    Args:
        core: The service.
        actor: Who looks: other people's files, predictions and tags are as if they were not there.
        query: The conditions.
        limit: How many at most.
        before: The `position` of the last file of the page before.

    Raises:
        InvalidRequestError: too many words.
    """

    def work(connection: Connection) -> list[File]:
        numbers = _newest(connection, actor, query, before=before, limit=limit)
        files = described(connection, actor, numbers)
        return [files[number] for number in numbers]

    return core.database.read(work)


def page(core: Core, actor: Actor, query: Query, *, number: int, size: int) -> list[File]:
    """Return one page of the files that fit.

    Args:
        core: The service.
        actor: As in `find`.
        query: The conditions.
        number: Of the page, >= 0.
        size: Files on each page.
    """

    def work(connection: Connection) -> list[File]:
        numbers = _newest(connection, actor, query, offset=number * size, limit=size)
        files = described(connection, actor, numbers)
        return [files[one] for one in numbers]

    return core.database.read(work)


def count(core: Core, actor: Actor, query: Query) -> int:
    """Return how many files fit; the time grows with that number."""

    def work(connection: Connection) -> int:
        among = rare_files(connection, query, limit=_FEW)
        wanted = select(func.count()).select_from(t.file)
        wanted = wanted.where(*conditions(connection, actor, query, among=among))
        return int(connection.execute(wanted).scalar_one())

    return core.database.read(work)


def digests(core: Core, actor: Actor, query: Query) -> list[tuple[str, str]]:
    """Return SHA-256 and MD5 of all files that fit, newest name first."""

    def work(connection: Connection) -> list[tuple[str, str]]:
        wanted = select(_f.sha256, _f.md5).where(*conditions(connection, actor, query))
        rows = connection.execute(wanted.order_by(_position(actor).desc()))
        return [(row.sha256, row.md5) for row in rows]

    return core.database.read(work)


def _newest(
    connection: Connection,
    actor: Actor,
    query: Query,
    *,
    limit: int,
    offset: int = 0,
    before: int | None = None,
) -> list[int]:
    """Numbers of the files that fit, newest name first."""
    among = rare_files(connection, query, limit=_FEW)
    if among is None and offset <= _MAX_OFFSET:
        found = _among_newest_names(connection, actor, query, limit=offset + limit, before=before)
        if len(found) == offset + limit:
            return found[offset:]
    position = _position(actor)
    wanted = select(_f.id).where(*conditions(connection, actor, query, among=among))
    if before is not None:
        wanted = wanted.where(position < before)
    wanted = wanted.order_by(position.desc()).limit(limit).offset(offset)
    return list(connection.execute(wanted).scalars())


def _among_newest_names(
    connection: Connection, actor: Actor, query: Query, *, limit: int, before: int | None
) -> list[int]:
    """Scan the newest names; a result of fewer than `limit` files is inconclusive."""
    found: list[int] = []
    for names in _newest_names(connection, actor, before):
        places = set(names)
        position = _position(actor).label("position")
        wanted = select(_f.id, position).where(
            *conditions(connection, actor, query, among=sorted(set(names.values())))
        )
        # a file comes again by its older names
        fits = [(row.position, row.id) for row in connection.execute(wanted)]
        found += [number for place, number in sorted(fits, reverse=True) if place in places]
        if len(found) >= limit:
            break
    return found[:limit]


def _newest_names(
    connection: Connection, actor: Actor, before: int | None
) -> Iterator[dict[int, int]]:
    """Files by their names' numbers, from the newest name on."""
    wanted = select(_n.id, _n.file_id).order_by(_n.id.desc())
    if not actor.sees_all and not _sees_others(connection, actor):
        wanted = wanted.where(_n.user_id == actor.user_id)
    for size in _CHUNKS:
        limited = wanted if before is None else wanted.where(_n.id < before)
        names: dict[int, int] = {
            row.id: row.file_id for row in connection.execute(limited.limit(size))
        }
        if names:
            yield names
        if len(names) < size:
            return
        before = min(names)


def _sees_others(connection: Connection, actor: Actor) -> bool:
    """Whether anything was shared with a role of the actor."""
    r = t.tag_role.c
    opened = select(literal(1)).where(r.role.in_(sorted(actor.roles))).limit(1)
    return connection.execute(opened).first() is not None


def _position(actor: Actor) -> ColumnElement[Any]:
    """The newest visible name of a file."""
    n = _NEWEST
    return (
        select(func.max(n.c.id))
        .where(n.c.file_id == _f.id, visibility.sees_of_user(actor, n.c.file_id, n.c.user_id))
        .correlate_except(n)
        .scalar_subquery()
    )


def labels_of(
    core: Core, actor: Actor, *, model: str | None = None, prefix: str = "", limit: int = 100
) -> list[tuple[str, int]]:
    """Return the most frequent labels that the actor sees, with the number of files.

    Args:
        core: The service.
        actor: Who looks.
        model: Only of this model.
        prefix: Only those that begin so.
        limit: How many at most.
    """
    c = t.content_text.c
    number = func.count(_l.file_id.distinct()).label("n")
    wanted = (
        select(c.text, number)
        .join(t.label, _l.text_id == c.id)
        .where(*sees_label(actor))
        .group_by(c.text)
        .order_by(number.desc(), c.text)
        .limit(limit)
    )
    if model is not None:
        wanted = wanted.where(_l.model == model)
    if prefix:
        wanted = wanted.where(c.text.startswith(prefix, autoescape=True))
    rows = core.database.read(lambda connection: connection.execute(wanted).all())
    return [(row.text, row.n) for row in rows]
