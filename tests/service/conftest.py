"""A core on SQLite, and one on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.service.cores import make_core
from tests.service.postgres import new_database, postgres_server
from tests.service.s3 import s3_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.service.core import Core

__all__ = ["postgres_server", "s3_url"]


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    """A new service on SQLite."""
    with make_core(tmp_path) as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_core(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Core]:
    """A new service on either database."""
    url = ""
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgres_server"))
    with make_core(tmp_path, database=url) as made:
        yield made
