"""Listen for commit notifications in a thread: LISTEN on PostgreSQL, watched files on SQLite."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from common_ml.backoff import Backoff
from common_ml.service.db.notifications import channel
from common_ml.tagging.tags_file.changes import FileChanges

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from common_ml.service.db.engine import Database
    from common_ml.service.db.notifications import Topic

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS = 0.25
"""Poll interval of the stop flag in seconds, where a connection cannot be woken."""
_PAUSE_SECONDS = 0.01
"""Pause after a call: at most a hundred calls a second."""
_RECONNECT = Backoff(first_seconds=1, longest_seconds=30)


class Listener:
    """Calls a function after commits that notified a topic; a context manager.

    Notifications may be lost (no inotify, a lost connection, a connection pooler in front of
    PostgreSQL) and coalesced, so callers must also poll.
    """

    def __init__(self, database: Database, topic: Topic, call: Callable[[], None]) -> None:
        """Initialise; nothing is opened yet.

        Args:
            database: The database.
            topic: The topic.
            call: Called in a thread of its own; must return soon and not raise.
        """
        self._database = database
        self._topic = topic
        self._call = call
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listener {topic}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        errors: tuple[type[Exception], ...] = (SQLAlchemyError, OSError)
        if self._database.is_postgresql:
            driver: Any = self._database.engine.dialect.dbapi
            errors += (driver.Error,)
        for attempt in count(1):
            try:
                self._listen()
            except errors as error:
                _LOG.debug("no notifications of changes, polling instead: %s", error)
            if self._stop.wait(_RECONNECT.delay_seconds(attempt)):
                return

    def _listen(self) -> None:
        if self._database.is_postgresql:
            self._listen_to_postgresql()
        elif self._database.notifications is not None:
            self._listen_to_file(self._database.notifications.open(self._topic))
        else:
            self._stop.wait()  # in memory: there is no other process

    def _listen_to_postgresql(self) -> None:
        pooled = self._database.engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # a connection of its own, outside of the pool
        with closing(connection):
            connection.autocommit = True
            connection.execute(f"LISTEN {channel(self._topic)}")
            self._heard()  # what was committed before
            while not self._stop.is_set():
                for _ in connection.notifies(timeout=_CHECK_SECONDS, stop_after=1):
                    self._heard()

    def _listen_to_file(self, descriptor: int) -> None:
        changes = FileChanges(
            f"/proc/self/fd/{descriptor}", poll_seconds=_CHECK_SECONDS, wake_event=self._stop
        )
        with closing(changes):
            while not self._stop.is_set():
                if changes.wait(descriptor):
                    self._heard()

    def _heard(self) -> None:
        if not self._stop.is_set():
            self._call()
            self._stop.wait(_PAUSE_SECONDS)
