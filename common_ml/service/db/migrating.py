"""Migrate the schema of a database to this version, one process at a time."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url, text

from common_ml.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from common_ml.service.db.engine import Database

_LOCK = 0x636D6C01
"""Number of the advisory lock of PostgreSQL."""
_START_SECONDS = 6
"""How long a start waits for a database, in seconds."""


def migrate(database: Database) -> None:
    """Create or upgrade all tables; the second process to start waits for the first.

    Raises:
        ConflictError: the tables are of a newer version of common-ml.
        DatabaseUnavailableError: the database does not answer.
    """
    if not database.is_postgresql:
        _make_folder(database.url)
    database.wait_until_ready(_START_SECONDS)
    with _one_at_a_time(database), database.connection(for_writing=True) as connection:
        config = alembic_config(connection)
        current = current_revision(connection)
        scripts = ScriptDirectory.from_config(config).walk_revisions()
        if current is not None and current not in {script.revision for script in scripts}:
            raise ConflictError(
                f"the tables are of a newer version of common-ml ({current}); hint: upgrade it"
            )
        if current != head_revision():
            command.upgrade(config, "head")


def current_revision(connection: Connection) -> str | None:
    """Return the schema version of a database; None for a new one."""
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """Return the schema version that this code needs."""
    head = ScriptDirectory.from_config(alembic_config(None)).get_current_head()
    assert head is not None  # noqa: S101 - the package has migrations
    return head


def alembic_config(connection: Connection | None) -> Config:
    """Return the settings of Alembic, for its commands on this connection."""
    config = Config()
    config.set_main_option(
        "script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%")
    )
    config.attributes["connection"] = connection
    return config


@contextmanager
def _one_at_a_time(database: Database) -> Iterator[None]:
    if database.is_postgresql:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
                connection.commit()
        return
    name = make_url(database.url).database or ""
    with open(f"{name}.lock", "w") as file:  # noqa: PTH123 - the name is a text
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_folder(url: str) -> None:
    path = Path(make_url(url).database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)  # hashes of passwords and tokens
    with suppress(PermissionError):
        path.chmod(0o600)
