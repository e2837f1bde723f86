"""Users, roles and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.errors import ConflictError, InvalidRequestError, NotFoundError
from common_ml.service.auth.rights import RIGHTS, ROLES
from common_ml.service.operations import audit, predictions, tokens, users
from tests.service.cores import add_file, ask, claim, clock_of, make_user, offer

if TYPE_CHECKING:
    from common_ml.service.core import Core


def test_a_name_belongs_to_one_user(any_core: Core) -> None:
    made = users.create(any_core, name="ann", roles=["researcher"], password_hash="x")

    assert users.get(any_core, "ann") == made == users.get_by_id(any_core, made.id)
    assert made.actor.rights == ROLES["researcher"]
    with pytest.raises(ConflictError, match="there is a user 'ann' already"):
        users.create(any_core, name="ann")
    with pytest.raises(InvalidRequestError, match="unknown role 'king'"):
        users.create(any_core, name="bob", roles=["king"])
    assert [user.name for user in users.find_all(any_core)] == ["ann"]


def test_somebody_remains_who_manages_users(core: Core) -> None:
    make_user(core, "root", "admin")

    for change in ({"roles": ["researcher"]}, {"disabled": True}):
        with pytest.raises(ConflictError, match="root is the last administrator"):
            users.change(core, "root", **change)
    with pytest.raises(ConflictError, match="last administrator"):
        users.remove(core, "root")
    make_user(core, "second", "admin")
    assert users.change(core, "root", roles=["researcher"]).roles == ("researcher",)
    users.remove(core, "root")
    assert users.count(core) == 1


def test_what_a_removed_user_asked_for_goes_on_for_others(any_core: Core) -> None:
    ann, bob = make_user(any_core, "ann"), make_user(any_core, "bob")
    offer(any_core)
    shared = add_file(any_core, ann, b"x", "a.png").sha256
    add_file(any_core, bob, b"x", "b.png")
    own = add_file(any_core, ann, b"y", "c.png").sha256
    ids = ask(any_core, ann, shared, own)
    ask(any_core, bob, shared)
    tokens.create(any_core, user_id=ann.user_id, token_hash="a", kind="key")

    users.remove(any_core, "ann")

    assert tokens.find(any_core, "a") is None
    assert [one.id for one in predictions.find(any_core, bob)] == ids[:1]
    assert [one.id for one in claim(any_core, limit=5)] == ids[:1]
    with pytest.raises(NotFoundError):
        users.get(any_core, "ann")


def test_a_token_gives_no_more_than_its_scopes_and_its_owner(any_core: Core) -> None:
    ann = make_user(any_core, "ann", "researcher")
    tokens.create(
        any_core, user_id=ann.user_id, token_hash="a", kind="key", scopes=["read", "admin"]
    )
    tokens.create(any_core, user_id=ann.user_id, token_hash="b", kind="session")

    found = tokens.find(any_core, "a")
    assert found is not None
    assert found[1].rights == {"read"}
    users.change(any_core, "ann", roles=["admin"])
    rights = [
        owner.rights for hashed in "ab" for _, owner in [tokens.find(any_core, hashed) or found]
    ]
    assert rights == [{"read", "admin"}, set(RIGHTS)]
    assert tokens.find(any_core, "c") is None


def test_tokens_end_with_their_time_their_owner_and_their_use(core: Core) -> None:
    ann = make_user(core, "ann")
    tokens.create(
        core, user_id=ann.user_id, token_hash="hour", kind="session", lifetime_seconds=3600
    )
    tokens.create(core, user_id=ann.user_id, token_hash="once", kind="setup", lifetime_seconds=60)

    assert tokens.consume(core, "once") == ann.user_id
    assert tokens.consume(core, "once") is None
    assert tokens.find(core, "hour") is not None
    clock_of(core).advance(3600)
    assert tokens.find(core, "hour") is None
    made = tokens.create(core, user_id=ann.user_id, token_hash="key", kind="key")
    assert [token.id for token in tokens.find_all(core, ann.user_id, kind="key")] == [made.id]
    tokens.revoke(core, ann.user_id, made.id)
    with pytest.raises(NotFoundError, match="there is no token"):
        tokens.revoke(core, ann.user_id, made.id)
    tokens.create(core, user_id=ann.user_id, token_hash="key", kind="key")
    users.change(core, "ann", disabled=True)
    users.change(core, "ann", disabled=False)
    assert tokens.find(core, "key") is None


def test_a_new_password_ends_sessions_but_not_keys(core: Core) -> None:
    ann = make_user(core, "ann")
    for kind in ("session", "key"):
        tokens.create(core, user_id=ann.user_id, token_hash=kind, kind=kind)

    users.change(core, "ann", password_hash="new")

    assert [tokens.find(core, kind) is not None for kind in ("session", "key")] == [False, True]


def test_acts_are_kept_newest_first(core: Core) -> None:
    ann = make_user(core, "ann")
    audit.record(core, "somebody", "login.failed")
    audit.record(core, ann, "user.created", object="bob", data={"roles": ["admin"]})

    first, second = audit.entries(core)
    assert (first.user_name, first.action, first.object, first.data) == (
        "ann",
        "user.created",
        "bob",
        {"roles": ["admin"]},
    )
    assert audit.entries(core, before=first.id) == [second]
