"""Detect an unresponsive PostgreSQL server by a second connection, and close the first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Generator

    from typing_extensions import Self

QUIET_SECONDS = 3.0
"""Interval without an answer after which the server is probed, repeatedly."""
_PROBE_SECONDS = 2
"""Timeout of the probe; the minimum of libpq."""
_RECENT_SECONDS = 1.0


class SilentServerError(psycopg.OperationalError):
    """The server does not respond, although it may accept connections."""


class LastTimeout:
    """When a server last failed to answer; shared by all connections of an engine."""

    def __init__(self) -> None:
        self._noted_at = float("-inf")

    def note(self) -> None:
        """Record a timeout now."""
        self._noted_at = time.monotonic()

    @property
    def is_recent(self) -> bool:
        """Whether a timeout occurred just now, so that other connections need not probe."""
        return time.monotonic() - self._noted_at < _RECENT_SECONDS


class WatchedConnection(psycopg.Connection[Any]):
    """A connection without a statement timeout that probes whether the server still responds.

    A long statement, or one that waits for a lock, looks like a frozen server or lost packets. So
    a second connection is opened as a probe at intervals. If it times out, this connection is
    closed and the statement fails.
    """

    last_timeout: LastTimeout

    @classmethod
    def open(cls, last_timeout: LastTimeout, *args: Any, **options: Any) -> Self:
        """Connect.

        Raises:
            SilentServerError: the server does not answer, or did not a moment ago.
        """
        if last_timeout.is_recent:
            raise SilentServerError("it did not respond a moment ago")
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
            SilentServerError: the server does not respond.
        """
        return super().wait(self._watched(gen), *args, **options)

    def _watched(self, gen: Any) -> Generator[Any, Any, Any]:
        """Drive a generator of psycopg, and probe the server after each silent interval."""
        due = time.monotonic() + QUIET_SECONDS
        try:
            awaited = next(gen)
            while True:
                ready = yield awaited
                if ready:
                    due = time.monotonic() + QUIET_SECONDS
                elif time.monotonic() >= due:
                    self._probe()
                    due = time.monotonic() + QUIET_SECONDS
                awaited = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _probe(self) -> None:
        if not self.last_timeout.is_recent:
            try:
                # a plain connection: the probe must not be probed
                psycopg.connect(
                    self.info.dsn, password=self.info.password, connect_timeout=_PROBE_SECONDS
                ).close()
            except psycopg.errors.ConnectionTimeout:
                self.last_timeout.note()
            except psycopg.OperationalError:  # such as too many connections: it responds
                return
            else:
                return
        self.pgconn.finish()
        raise SilentServerError(f"no answer to a probe in {QUIET_SECONDS + _PROBE_SECONDS:g} s")
