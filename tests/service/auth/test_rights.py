"""What roles may do."""

from __future__ import annotations

from common_ml.service.auth.rights import RIGHTS, ROLES, rights_of, roles_with


def test_every_role_has_known_rights_and_every_right_has_a_role() -> None:
    assert all(rights <= set(RIGHTS) for rights in ROLES.values())
    assert all(roles_with(right) for right in RIGHTS)


def test_roles_add_up() -> None:
    assert rights_of(["researcher"]) == {"read", "download", "tag", "keys"}
    assert rights_of(["researcher", "investigator"]) == ROLES["investigator"]
    assert rights_of(["researcher", "admin"]) == set(RIGHTS)


def test_unknown_roles_have_no_rights() -> None:
    assert rights_of(["guest", ""]) == rights_of([]) == set()


def test_who_has_a_right_is_listed_in_the_order_of_the_roles() -> None:
    assert roles_with("read") == ["admin", "investigator", "researcher"]
    assert roles_with("predict") == ["admin", "investigator"]
    assert roles_with("admin") == ["admin"]
    assert roles_with("fly") == []
