"""Commits are heard by others at once, on both databases; nobody hears of what was rolled back."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from common_ml.service.db.engine import Database
from common_ml.service.db.listener import Listener
from common_ml.service.operations import events
from tests.service.cores import add_file, ask, make_user, offer

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.service.core import Core

SOON = 60.0


class Heard:
    """What a listener calls."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def wait(self) -> None:
        """Return after the next call."""
        assert self._event.wait(SOON)
        self._event.clear()


def test_another_connection_hears_of_work(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    sha256 = add_file(any_core, ann, b"x", "a.png").sha256
    heard = Heard()
    with Database(any_core.database.url) as other, Listener(other, "queue", heard):
        heard.wait()  # it listens now
        ask(any_core, ann, sha256)
        heard.wait()


def test_other_events_are_not_for_workers(any_core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    announced: list[str] = []
    plain = Database.announce

    def announce(self: Database, connection: object, topic: str) -> None:
        announced.append(topic)
        plain(self, connection, topic)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(Database, "announce", announce)
    events.add(any_core, "worker.arrived", user_id=None, data={})
    assert announced == ["events"]
    ann = make_user(any_core, "ann")
    offer(any_core)
    ask(any_core, ann, add_file(any_core, ann, b"x", "a.png").sha256)
    assert announced[-2:] == ["events", "queue"]


def test_what_is_rolled_back_is_not_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        notified: list[str] = []
        assert database.notifications is not None
        monkeypatch.setattr(database.notifications, "notify", notified.append)
        with suppress(ZeroDivisionError), database.connection(for_writing=True) as connection:
            database.announce(connection, "queue")
            raise ZeroDivisionError
        with database.connection(for_writing=True) as connection:
            database.announce(connection, "events")
            connection.execute(text("SELECT 1"))
            assert notified == []
        assert notified == ["events"]


def test_another_process_is_heard(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    program = (
        "import sys\n"
        "from common_ml.service.db.engine import Database\n"
        "with Database(sys.argv[1]) as database:\n"
        "    database.write(lambda c: database.announce(c, 'events'))\n"
    )
    heard = Heard()
    with Database(url) as database, Listener(database, "events", heard):
        heard.wait()
        subprocess.run([sys.executable, "-c", program, url], check=True)
        heard.wait()


def test_a_listener_ends_while_there_is_no_database(tmp_path: Path) -> None:
    """And tries on meanwhile."""
    pytest.importorskip("psycopg")
    for url in ("postgresql+psycopg://me@127.0.0.1:1/x", f"sqlite:///{tmp_path}/missing/a.db"):
        with Database(url) as database, Listener(database, "events", pytest.fail):
            pass


def test_a_database_in_memory_has_nobody_to_tell() -> None:
    with Database("sqlite://") as database:
        database.write(lambda connection: database.announce(connection, "events"))
        with Listener(database, "events", pytest.fail):
            pass
