"""The user on whose behalf an operation runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A user, with the rights of the token that was presented."""

    user_id: int
    name: str
    roles: frozenset[str] = frozenset()
    """Any of admin, investigator, researcher."""
    rights: frozenset[str] = frozenset()
    """A subset of the rights of the roles."""

    @property
    def sees_all(self) -> bool:
        """Whether everybody's files are visible."""
        return "admin" in self.rights
