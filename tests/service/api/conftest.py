"""A server in a thread, with one user of each role."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from common_ml.service.api.server_state import Server
from common_ml.service.auth.tokens import new_token
from common_ml.service.operations import tokens, users
from common_ml.service.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.service.core import Core

ROLES = ("admin", "investigator", "researcher")


@dataclass
class Served:
    """A running server."""

    url: str
    server: Server
    core: Core
    stack: ExitStack

    def client(
        self, name: str, *, roles: Iterable[str] | None = None, rights: Iterable[str] | None = None
    ) -> httpx.Client:
        """A client with a new token of a user, who is made if there is none."""
        token = self.token(name, roles=roles, rights=rights)
        client = httpx.Client(
            base_url=self.url, headers={"authorization": f"Bearer {token}"}, timeout=60
        )
        return self.stack.enter_context(client)

    def token(
        self, name: str, *, roles: Iterable[str] | None = None, rights: Iterable[str] | None = None
    ) -> str:
        """A new token of a user, who is made if there is none."""
        known = {user.name: user for user in users.find_all(self.core)}
        user = known.get(name) or users.create(
            self.core, name=name, roles=roles or ([name] if name in ROLES else ["investigator"])
        )
        token, hashed = new_token()
        tokens.create(self.core, user_id=user.id, token_hash=hashed, kind="key", scopes=rights)
        return token

    def anonymous(self) -> httpx.Client:
        """A client without a token."""
        return self.stack.enter_context(httpx.Client(base_url=self.url, timeout=60))


@pytest.fixture
def served(core: Core) -> Iterator[Served]:
    """A server on SQLite."""
    server = Server(core)
    with ExitStack() as stack:
        url = stack.enter_context(serving(server))
        yield Served(url, server, core, stack)
