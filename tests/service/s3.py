"""A bucket of an S3 server on loopback, and the settings that lead to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.s3_server import S3Server

if TYPE_CHECKING:
    from collections.abc import Iterator

S3_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A bucket of a server of moto's."""
    server = S3Server()
    old = {name: os.environ.get(name) for name in S3_SETTINGS}
    os.environ.update(S3_SETTINGS, AWS_ENDPOINT=server.url)
    try:
        import boto3  # type: ignore[import-untyped] # it has no hints

        client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT"])
        client.create_bucket(Bucket="tests")
        yield "s3://tests/service"
    finally:
        server.stop()
        os.environ.pop("AWS_ENDPOINT", None)
        for name, value in old.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
