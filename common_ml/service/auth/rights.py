"""Role-based access control: the rights of each role. API keys carry a subset of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

Right: TypeAlias = Literal["read", "upload", "predict", "download", "tag", "keys", "hooks", "admin"]
RIGHTS: dict[Right, str] = {
    "read": "see models, files, predictions, labels and events, and search them",
    "upload": "send files, and remove one's own name from them",
    "predict": "start, cancel and retry predictions",
    "download": "fetch contents, tags, pages and exports",
    "tag": "add and remove tags by hand",
    "keys": "make and revoke one's own API keys",
    "hooks": "register webhooks for one's own predictions",
    "admin": "manage users, workers and the roles that may tag; see everybody's files",
}
"""Every right, in words."""

Role: TypeAlias = Literal["admin", "investigator", "researcher"]
ROLES: dict[Role, frozenset[Right]] = {
    "admin": frozenset(RIGHTS),
    "investigator": frozenset(
        {"read", "upload", "predict", "download", "tag", "keys", "hooks"},
    ),
    "researcher": frozenset({"read", "download", "tag", "keys"}),
}
"""Rights of each role, on its own files and on those shared with the role."""


def rights_of(roles: Iterable[str]) -> frozenset[str]:
    """Return the rights of a user with these roles; unknown roles have none."""
    known = {str(role): rights for role, rights in ROLES.items()}
    return frozenset[str]().union(*(known.get(role, frozenset()) for role in roles))


def roles_with(right: str) -> list[str]:
    """Return the roles that have a right, for messages."""
    return [role for role in get_args(Role) if right in ROLES[role]]
