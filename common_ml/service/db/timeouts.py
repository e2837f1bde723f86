"""Close connections to a PostgreSQL server that has stopped answering."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Generator

    from typing_extensions import Self

QUIET_SECONDS = 3.0
"""Without an answer, after which the server is asked for a sign of life, again and again."""
_SIGN_SECONDS = 2
"""For which a sign of life is awaited; libpq takes no less."""
_RECENT_SECONDS = 1.0


class SilentServerError(psycopg.OperationalError):
    """The server takes connections, or seems to, and does not answer."""


class LastTimeout:
    """When a server last failed to answer; shared by all connections of an engine."""

    def __init__(self) -> None:
        self._noted_at = float("-inf")

    def note(self) -> None:
        """Record that the server does not answer now."""
        self._noted_at = time.monotonic()

    @property
    def is_recent(self) -> bool:
        """Whether it failed to answer a moment ago, so that no other connection need try."""
        return time.monotonic() - self._noted_at < _RECENT_SECONDS


class WatchedConnection(psycopg.Connection[Any]):
    """A connection whose statements may take any time, as long as the server lives.

    A statement that takes long, or waits for a lock, looks the same as a server that is frozen or
    whose packets are lost: nothing comes back. So a second connection is opened now and then. If it
    is not answered either, this one is closed, and the statement has failed.
    """

    last_timeout: LastTimeout

    @classmethod
    def open(cls, last_timeout: LastTimeout, *args: Any, **options: Any) -> Self:
        """Connect.

        Raises:
            SilentServerError: the server does not answer, or did not a moment ago.
        """
        if last_timeout.is_recent:
            raise SilentServerError("it was silent a moment ago")
        try:
            opened = cls.connect(*args, **options)
        except psycopg.errors.ConnectionTimeout as error:
            last_timeout.note()
            raise SilentServerError(str(error)) from error
        opened.last_timeout = last_timeout
        return opened

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Wait for an answer as psycopg does.

        Raises:
            SilentServerError: the server does not live.
        """
        return super().wait(self._watched(gen), *args, **options)

    def _watched(self, gen: Any) -> Generator[Any, Any, Any]:
        """Pass on what a generator of psycopg awaits, and report each interval that passes."""
        due = time.monotonic() + QUIET_SECONDS
        try:
            awaited = next(gen)
            while True:
                ready = yield awaited
                if ready:
                    due = time.monotonic() + QUIET_SECONDS
                elif time.monotonic() >= due:
                    self._check_life()
                    due = time.monotonic() + QUIET_SECONDS
                awaited = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _check_life(self) -> None:
        if not self.last_timeout.is_recent:
            try:
                # a plain one: this check must not be checked
                psycopg.connect(
                    self.info.dsn, password=self.info.password, connect_timeout=_SIGN_SECONDS
                ).close()
            except psycopg.errors.ConnectionTimeout:
                self.last_timeout.note()
            except psycopg.OperationalError:  # such as too many connections: it lives
                return
            else:
                return
        self.pgconn.finish()
        raise SilentServerError(f"no sign of life in {QUIET_SECONDS + _SIGN_SECONDS:g} s")
