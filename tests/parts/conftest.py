"""A store of parts of either kind."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING

import pytest

from common_ml.parts import open_parts
from tests.s3_server import S3Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.parts import PartsStore


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """A server that speaks S3, in this process."""
    server = S3Server()
    yield server.url
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def parts(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PartsStore:
    if request.param == "folder":
        return open_parts(tmp_path / "parts")
    endpoint = request.getfixturevalue("s3_endpoint")
    bucket = f"parts-{time.monotonic_ns()}"
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
    connection.request("PUT", f"/{bucket}")
    assert connection.getresponse().status == 200
    connection.close()
    for name, value in (
        ("AWS_ENDPOINT", endpoint),
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ALLOW_HTTP", "true"),
    ):
        monkeypatch.setenv(name, value)
    return open_parts(f"s3://{bucket}/run-7")
