"""The core of the service, without HTTP: database, store, settings and clock."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from common_ml.service.clock import SystemClock
from common_ml.service.db.engine import Database
from common_ml.service.store import open_contents

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.parts import PartsStore
    from common_ml.service.clock import Clock
    from common_ml.service.settings import ServiceLimits, Settings
    from common_ml.service.store import ContentStore


@dataclass(frozen=True)
class Core:
    """The dependencies of every operation. Thread-safe."""

    settings: Settings
    database: Database
    contents: ContentStore
    clock: Clock

    @property
    def limits(self) -> ServiceLimits:
        """The limits of the settings."""
        return self.settings.limits

    @cached_property
    def parts(self) -> PartsStore:
        """Store of tags files, one for each completed prediction."""
        from common_ml.parts import open_parts

        return open_parts(self.contents.parts_address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.database.close()


def open_core(
    settings: Settings, *, clock: Clock | None = None, migrate: bool = True, durable: bool = True
) -> Core:
    """Open the database and the store.

    Args:
        settings: Where they are.
        clock: None for the system's.
        migrate: Whether to bring the tables to this version first.
        durable: See `Database`; False for workers.

    Raises:
        PredictionServiceError: the database cannot be opened.
        MissingExtraError: a library for its kind of database or store is not installed.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(
        settings.database_url, wait_seconds=settings.database_wait_seconds, durable=durable
    )
    with ExitStack() as on_failure:
        on_failure.callback(database.close)
        if migrate:
            from common_ml.service.db.migrating import migrate as bring_up

            bring_up(database)
        contents = open_contents(settings.store_address)
        on_failure.pop_all()
    return Core(settings, database, contents, clock or SystemClock())
