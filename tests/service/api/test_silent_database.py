"""What users see while all processes of PostgreSQL are frozen, and nothing answers."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from common_ml.service.api.server_state import Server
from common_ml.service.server import serving
from tests.service.api.conftest import Served
from tests.service.cores import make_core
from tests.service.postgres import new_database, running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.service.postgres import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
NUM_REQUESTS = 50
"""More than the server has threads for requests."""


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that other tests do not use meanwhile."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def served(tmp_path: Path, own_server: PostgresServer) -> Iterator[Served]:
    """A service on it."""
    with make_core(tmp_path, database=new_database(own_server)) as core, ExitStack() as stack:
        server = Server(core)
        url = stack.enter_context(serving(server))
        yield Served(url, server, core, stack)


def test_requests_are_503_in_ten_seconds_and_readiness_at_once(
    served: Served, own_server: PostgresServer
) -> None:
    client = served.client("ann")
    assert client.get("/v1/files").status_code == 200
    answers: list[tuple[httpx.Response, float]] = []
    anybody = served.anonymous()

    def ask(begun: float) -> None:
        answer = client.get("/v1/files")
        answers.append((answer, time.monotonic() - begun))

    with own_server.frozen():
        threads = [threading.Thread(target=ask, args=(time.monotonic(),))]
        threads += [
            threading.Thread(target=ask, args=(time.monotonic(),)) for _ in range(NUM_REQUESTS - 1)
        ]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        ready = anybody.get("/readyz")
        ready_seconds = time.monotonic() - begun
        alive = anybody.get("/healthz")
        for thread in threads:
            thread.join()
    assert ready.status_code == 503
    assert "no answer" in ready.json()["checks"]["database"]
    assert ready_seconds < 5  # 1.5 s, and a busy machine
    assert alive.status_code == 200
    assert {answer.status_code for answer, _ in answers} == {503}
    for answer, _ in answers:
        assert answer.json()["detail"].startswith("the database does not answer: ")
        assert answer.headers["retry-after"]
    assert min(seconds for _, seconds in answers) < 15  # 9 s, and a busy machine

    assert client.get("/v1/files").status_code == 200  # it goes on by itself
    assert anybody.get("/readyz").status_code == 200


def test_a_statement_that_takes_long_is_not_taken_for_silence(
    served: Served, own_server: PostgresServer
) -> None:
    del own_server
    found = served.core.database.read(
        lambda connection: connection.execute(text("SELECT 7 FROM pg_sleep(7)")).scalar_one()
    )
    assert found == 7
