"""Bodies that would fill the memory are refused, whoever sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.service.api.body_limit import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.service.api.conftest import Served

PATHS = ("/v1/search", "/v1/session", "/auth/login", "/model/results", "/v2/models/a/infer")


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_states_too_large_a_length_is_413(served: Served, path: str) -> None:
    answer = served.anonymous().post(
        path, content=b"[" * (MAX_BODY_BYTES + 1), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    assert "16,777,216 bytes" in answer.json()["detail"]


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/auth/login"])
def test_a_body_without_a_length_is_read_up_to_the_limit(served: Served, path: str) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(10 * MAX_BODY_BYTES // (1 << 20)):
            sent += 1 << 20
            yield b"a" * (1 << 20)

    client = served.client("ann")
    try:
        answer = client.post(path, content=endless(), headers={"content-type": "application/json"})
    except OSError:  # the server has hung up
        answer = None
    assert answer is None or answer.status_code == 413
    assert sent < 8 * MAX_BODY_BYTES


def test_a_body_at_the_limit_is_read(served: Served) -> None:
    body = b'{"text": "a"' + b" " * (MAX_BODY_BYTES - 13) + b"}"
    assert len(body) == MAX_BODY_BYTES
    answer = served.client("ann").post(
        "/v1/search", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 200
