"""Upsert statements, which SQLAlchemy constructs differently for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table


def insert_or(connection: Connection, table: Table) -> Any:
    """Return the dialect's INSERT, with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def insert_ignoring(connection: Connection, table: Table) -> Any:
    """Return an INSERT that ignores existing rows."""
    return insert_or(connection, table).on_conflict_do_nothing()
