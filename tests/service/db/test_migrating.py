"""The tables: made once, by whoever comes first, and as the code has them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from common_ml.errors import ConflictError
from common_ml.service.db.engine import Database
from common_ml.service.db.migrating import current_revision, head_revision, migrate
from common_ml.service.db.schema import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.service.core import Core

SEARCH = {"search", "search_data", "search_idx", "search_docsize", "search_config"}


def test_migrations_give_the_tables_of_the_code(any_core: Core) -> None:
    def differences(connection: object) -> list[object]:
        def is_ours(name: str | None, kind: str, parents: object) -> bool:
            return not (kind == "table" and name in SEARCH)

        options = {"include_name": is_ours, "compare_server_default": False}
        context = MigrationContext.configure(connection, opts=options)  # type: ignore[arg-type] # a Connection
        found = compare_metadata(context, metadata)
        trigram = "ix_content_text_trigram"  # of another kind than SQLAlchemy knows
        return [one for one in found if trigram not in str(one)]

    assert any_core.database.read(differences) == []
    assert any_core.database.read(current_revision) == head_revision()


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    program = (
        "import sys; from common_ml.service.db.engine import Database;"
        "from common_ml.service.db.migrating import migrate; migrate(Database(sys.argv[1]))"
    )
    url = f"sqlite:///{tmp_path / 'new' / 'service.db'}"
    started = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(3)]

    assert [process.wait() for process in started] == [0, 0, 0]


def test_tables_of_a_newer_version_are_left_alone(core: Core) -> None:
    core.database.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num='9999'"))
    )

    with pytest.raises(ConflictError, match="newer version of common-ml"):
        migrate(core.database)


def test_only_the_owner_can_read_the_database(core: Core) -> None:
    assert (core.settings.data / "service.db").stat().st_mode & 0o077 == 0
    assert Database(core.settings.database_url).engine.dialect.name == "sqlite"
