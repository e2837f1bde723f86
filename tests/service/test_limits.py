"""Limits are set on the command line, for the server and its workers."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.cli import serve as verb
from common_ml.errors import InvalidRequestError
from common_ml.service.limits import limits_of
from common_ml.service.settings import ServiceLimits

if TYPE_CHECKING:
    from pathlib import Path


def test_limits_are_numbers_and_bytes_have_units() -> None:
    given = limits_of(["max_tus_bytes=1.5 GiB", "max_attempts=5", "lease_seconds=30"])

    assert (given.max_tus_bytes, given.max_attempts) == (3 << 29, 5)
    assert (given.lease_seconds, given.renew_seconds) == (30, 10)
    assert limits_of([]) == ServiceLimits()
    assert limits_of([], lease_seconds=6).renew_seconds == 2


def test_all_that_is_wrong_is_said_together() -> None:
    texts = [
        "max_tus_bytes=0",
        "max_attempts=1.5",
        "event_days=nan",
        "retry_seconds=2GiB",
        "many=1",
    ]
    with pytest.raises(InvalidRequestError) as caught:
        limits_of(texts)
    assert [problem.split(" ")[0] for problem in caught.value.problems] == [
        *("max_tus_bytes", "max_attempts", "event_days", "retry_seconds", "no")
    ]
    with pytest.raises(InvalidRequestError, match="renew_seconds must be > 0 and < lease_seconds"):
        limits_of(["renew_seconds=60"])


def test_serve_gives_them_to_its_workers_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def run(settings: Any, arguments: list[str], **_: Any) -> None:
        seen.update(settings=settings, arguments=arguments)

    monkeypatch.setattr(verb, "_run", run)
    verb.serve(data=tmp_path, workers=0, limit=["max_attempts=5"], allow_private_webhooks=True)

    assert seen["settings"].limits.max_attempts == 5
    assert seen["settings"].allow_private_webhooks
    assert seen["arguments"][:2] == ["--limit", "max_attempts=5"]


def test_the_guide_lists_each_with_its_default(repository: Path) -> None:
    page = (repository / "docs/service_running.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", page, re.MULTILINE))
    defaults = {one.name: getattr(ServiceLimits(), one.name) for one in fields(ServiceLimits)}
    assert (
        limits_of(f"{name}={rows[name].replace(',', '')}" for name in defaults) == ServiceLimits()
    )
