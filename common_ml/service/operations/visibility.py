"""Row-level access control: SQL conditions that limit results to what an actor may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, exists, literal, or_, select, true

from common_ml.service.db import schema as t

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from common_ml.service.operations.actor import Actor


# made once: the columns of an alias take SQLAlchemy a millisecond
_OPENED = t.tag_role.alias("opened")
_NAME = t.file_name.alias("visible_name")
_REQUEST = t.request.alias("visible_request")
_CIRCLE = t.tag_role.alias("circle")
_ROLE = t.user_role.alias("authors_role")


def any_row(table: Any, *conditions: Any) -> ColumnElement[bool]:
    """Return an EXISTS over a table or alias, correlated with all enclosing statements.

    By default SQLAlchemy correlates a subquery only with the statement directly around it: deeper
    nested, a table of the outermost one would be scanned again, and any of its rows would match.
    """
    return exists(select(literal(1)).select_from(table).where(*conditions).correlate_except(table))


def is_opened(actor: Actor, file_id: Any, user_id: Any) -> ColumnElement[bool]:
    """Whether a user has shared a file with one of the actor's roles."""
    opened = _OPENED
    return any_row(
        opened,
        opened.c.file_id == file_id,
        opened.c.user_id == user_id,
        opened.c.role.in_(sorted(actor.roles)),
    )


def sees_of_user(actor: Actor, file_id: Any, user_id: Any) -> ColumnElement[bool]:
    """Whether the actor sees what a user has given to a file: names and requests."""
    if actor.sees_all:
        return true()
    return or_(user_id == actor.user_id, is_opened(actor, file_id, user_id))


def sees_file(actor: Actor, file_id: Any) -> ColumnElement[bool]:
    """Whether the actor sees a file at all: there is a name that the actor sees."""
    if actor.sees_all:
        return true()
    name = _NAME
    visible = sees_of_user(actor, name.c.file_id, name.c.user_id)
    return any_row(name, name.c.file_id == file_id, visible)


def sees_prediction(
    actor: Actor, prediction: Any = t.prediction, *, uncancelled: bool = False
) -> ColumnElement[bool]:
    """Whether there is a request for a prediction that the actor sees."""
    if actor.sees_all and not uncancelled:
        return true()
    request = _REQUEST
    wanted = [
        request.c.prediction_id == prediction.c.id,
        sees_of_user(actor, prediction.c.file_id, request.c.user_id),
    ]
    if uncancelled:
        wanted.append(request.c.cancelled.is_(False))
    return any_row(request, *wanted)


def seen_state(actor: Actor, prediction: Any = t.prediction) -> ColumnElement[Any]:
    """The state that the actor sees: cancelled, where all visible requests were.

    Another user who has asked for the same prediction keeps it running.
    """
    if actor.sees_all:
        return prediction.c.state  # type: ignore[no-any-return] # of a table or its alias
    return case(
        (sees_prediction(actor, prediction, uncancelled=True), prediction.c.state),
        else_=literal("cancelled"),
    )


def sees_tag(actor: Actor, tag: Any = t.tag) -> ColumnElement[bool]:
    """Whether the actor sees a tag that a user gave.

    Users see each other's tags of a file within a circle: whoever opened the file to a role, and
    those who have the role.
    """
    if actor.sees_all:
        return true()
    opened, role = _CIRCLE, _ROLE
    author_is_in = or_(
        opened.c.user_id == tag.c.user_id,
        any_row(role, role.c.user_id == tag.c.user_id, role.c.role == opened.c.role),
    )
    actor_is_in = or_(opened.c.user_id == actor.user_id, opened.c.role.in_(sorted(actor.roles)))
    is_in_circle = any_row(opened, opened.c.file_id == tag.c.file_id, author_is_in, actor_is_in)
    return or_(tag.c.user_id == actor.user_id, is_in_circle)
