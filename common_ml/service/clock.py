"""Clocks for Python and SQL: that of the database server, or a manual one for tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Float, func, literal
from sqlalchemy.sql import extract

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


class Clock(Protocol):
    """Unix time, in seconds."""

    def seconds(self) -> float:
        """The time of this machine."""

    def sql(self, connection: Connection) -> ColumnElement[Any]:
        """The time as an expression for statements of this connection."""


class SystemClock:
    """The time of the database server, so that the clocks of workers do not matter."""

    def seconds(self) -> float:
        """The time of this machine."""
        return time.time()

    def sql(self, connection: Connection) -> ColumnElement[Any]:
        """The time when the statement began; now() would be that of the transaction's begin."""
        if connection.dialect.name == "postgresql":
            return func.cast(extract("epoch", func.statement_timestamp()), Float(53))
        return literal(time.time(), Float)  # SQLite: the same machine


class ManualClock:
    """A clock that a test sets and advances."""

    def __init__(self, seconds: float = 1_000_000.0) -> None:
        self._seconds = seconds

    def seconds(self) -> float:
        """The time it shows."""
        return self._seconds

    def sql(self, connection: Connection) -> ColumnElement[Any]:
        """The time it shows."""
        del connection
        return literal(self._seconds, Float(53))

    def advance(self, seconds: float) -> None:
        """Advance the time."""
        self._seconds += seconds
