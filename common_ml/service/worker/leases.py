"""The leases of a worker: claim, renew, and revoke."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from common_ml.service.db import queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from common_ml.service.core import Core
    from common_ml.service.db.queue import Claim


class Leases:
    """The current leases of a worker. Thread-safe."""

    def __init__(self, core: Core, owner: str) -> None:
        self._core = core
        self.owner = owner
        self._lock = threading.Lock()
        self._held: dict[tuple[int, int], Callable[[str], None]] = {}

    def claim(
        self,
        model: str,
        revision: str,
        limit: int,
        revoke: Callable[[Claim, str], None],
        *,
        params_sha: str | None = None,
    ) -> list[Claim]:
        """Claim predictions.

        Args:
            model: Of this model.
            revision: In this revision.
            limit: How many at most.
            revoke: Called from another thread when a claim is revoked: "cancelled" or "lost".
            params_sha: Only with these params; None for any.
        """
        if not self._core.database.read(
            lambda connection: queue.is_waiting(
                self._core, connection, model=model, revision=revision
            )
        ):
            return []
        with self._lock:  # so that `release_others` cannot see a claim that is not registered yet
            claims = self._core.database.write(
                lambda connection: queue.claim(
                    self._core,
                    connection,
                    owner=self.owner,
                    model=model,
                    revision=revision,
                    limit=limit,
                    params_sha=params_sha,
                )
            )
            for one in claims:
                self._held[one.id, one.fence] = _bound(revoke, one)
        return claims

    def forget(self, claimed: Claim) -> None:
        """Unregister a claim that is finished or released."""
        with self._lock:
            self._held.pop((claimed.id, claimed.fence), None)

    def renew(self) -> None:
        """Renew all leases, revoke lost ones, and release unconfirmed ones."""
        with self._lock:
            held = dict(self._held)

            def work(connection: Connection) -> set[int]:
                kept = queue.renew(self._core, connection, held)
                queue.release_others(
                    self._core,
                    connection,
                    owner=self.owner,
                    known={number for number, _ in held},
                )
                return kept

            kept = self._core.database.write(work)
        for (number, _), revoke in held.items():
            if number not in kept:
                revoke("lost")

    def drop_cancelled(self) -> None:
        """Revoke claims that users have cancelled."""
        cancelled = self._core.database.read(
            lambda connection: queue.cancelled_of(connection, self.owner)
        )
        with self._lock:
            calls = [self._held[key] for key in cancelled if key in self._held]
        for revoke in calls:
            revoke("cancelled")


def _bound(revoke: Callable[[Claim, str], None], claimed: Claim) -> Callable[[str], None]:
    return lambda reason: revoke(claimed, reason)
