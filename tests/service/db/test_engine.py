"""What is wrong with the database is said in one sentence."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, text

from common_ml.errors import DatabaseFullError, DatabaseUnavailableError, PredictionServiceError
from common_ml.service.core import open_core
from common_ml.service.db.engine import Database
from common_ml.service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("url", ["garbage", "mysql://me@there/x", ""])
def test_a_database_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match="hint: give postgresql://"):
        Database(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    place = tmp_path / "service.db"
    place.write_bytes(b"no database at all" * 1000)
    with (
        Database(f"sqlite:///{place}") as database,
        pytest.raises(DatabaseUnavailableError, match="file is not a database"),
    ):
        database.read(lambda connection: connection.execute(text("select 1")))


def test_a_full_database(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        database.write(lambda connection: connection.execute(text("create table a (b blob)")))
        event.listen(
            database.engine, "begin", lambda c: c.exec_driver_sql("PRAGMA max_page_count=4").close()
        )
        with pytest.raises(DatabaseFullError, match="hint: free space"):
            database.write(
                lambda connection: connection.execute(
                    text("insert into a values (zeroblob(99999))")
                )
            )


def test_a_server_that_is_away_is_named_before_the_first_try(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("psycopg")
    caplog.set_level("INFO", "common_ml.service")
    with (
        Database("postgresql+psycopg://me:secret@127.0.0.1:1/tags") as database,
        pytest.raises(DatabaseUnavailableError, match="Connection refused") as caught,
    ):
        database.wait_until_ready(0.01)

    assert caplog.messages == ["connecting to PostgreSQL at 127.0.0.1:1, database tags"]
    assert "\n" not in str(caught.value)
    assert "hint: is the server running" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_nothing_stays_open_where_a_service_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.dbapi2.connect

    def connect_noted(*args: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3.dbapi2, "connect", connect_noted)
    (tmp_path / "service.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(DatabaseUnavailableError):
        open_core(Settings(tmp_path))
    with pytest.raises(PredictionServiceError, match="ftp"):
        open_core(Settings(tmp_path / "new", store="ftp://somewhere"))

    assert len(opened) > 1
    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("select 1")
