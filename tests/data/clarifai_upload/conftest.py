"""A platform for each test, and a clock that needs no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.data.clarifai_upload.helpers import FakeClock, Uploader
from tests.data.clarifai_upload.platform import Platform, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.data.clarifai_upload.platform import Server


@pytest.fixture
def server() -> Iterator[Server]:
    listening = serve(Platform())
    yield listening
    listening.die()


@pytest.fixture
def platform(server: Server) -> Platform:
    return server.platform


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def uploader(server: Server, clock: FakeClock) -> Uploader:
    return Uploader(server.base, clock)
