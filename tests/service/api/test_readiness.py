"""A server whose database or store fails says so, soon."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import DatabaseFullError, StoreError
from common_ml.service.api.errors import of_service
from common_ml.service.operations import events

if TYPE_CHECKING:
    from tests.service.api.conftest import Served


@pytest.mark.parametrize("part", ["database", "store"])
@pytest.mark.parametrize("hangs", [True, False])
def test_a_server_is_not_ready(
    served: Served, monkeypatch: pytest.MonkeyPatch, part: str, *, hangs: bool
) -> None:
    """It answers while the check of a part still hangs, and names that part alone."""
    ends = threading.Event()

    def fail(*_: object) -> int:
        if hangs:
            ends.wait()
        raise StoreError("it is down")

    if part == "store":
        monkeypatch.setattr(type(served.core.contents), "check", fail)
    else:
        monkeypatch.setattr(events, "latest", fail)
    try:
        answer = served.anonymous().get("/readyz")
    finally:
        ends.set()

    checks = answer.json()["checks"]
    assert answer.status_code == 503
    assert {name for name, found in checks.items() if found != "ok"} == {part}
    assert checks[part] == ("no answer in 1.5 s" if hangs else "it is down")


def test_a_full_database_is_507() -> None:
    problem = of_service(DatabaseFullError("full"))
    assert (problem.status, problem.code) == (507, "database_full")
