"""Alembic environment: run all migrations on the given connection."""

from __future__ import annotations

from alembic import context

from common_ml.service.db.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes columns only by copying a table
    render_as_batch=True,
)
context.run_migrations()
