"""An address without a cluster is an error at once; Ray itself would try for minutes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from common_ml.backoff import Backoff
from common_ml.errors import TaggerError
from common_ml.runtime.ray_cluster import RayCluster, require_listener
from tests.cli.running import common_ml
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("ray")
pytestmark = pytest.mark.cluster


@pytest.fixture
def listener() -> socket.socket:
    """A socket on loopback, at a port that nobody else has."""
    return socket.create_server(("127.0.0.2", 0))


@pytest.mark.parametrize("form", ["ray:127.0.0.2:{}", "ray://127.0.0.2:{}"])
def test_an_address_where_nobody_listens_is_an_error(listener: socket.socket, form: str) -> None:
    address = form.format(listener.getsockname()[1])
    require_listener(address)
    listener.close()
    with (
        pytest.raises(TaggerError, match=f"no Ray cluster at {address}: .*; hint: ray:HOST:6379"),
        RayCluster(address),
    ):
        pass


@pytest.mark.parametrize("address", ["ray:127.0.0.1:1", "ray:localhost:70000"])
def test_this_machine_is_looked_for_at_its_card_too(address: str) -> None:
    with pytest.raises(TaggerError, match=f"no Ray cluster at {address}: "):
        require_listener(address)


def test_auto_has_no_address_to_look_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no cluster has ever left a note of its address."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    require_listener("ray://auto")


def test_a_run_without_a_cluster_leaves_no_folder(tmp_path: Path) -> None:
    films_in(tmp_path / "films", 2)
    tagger_in(tmp_path / "tagger", MANY_TAGS)
    done = common_ml(
        "run", "tagger", "films", "-o", "t.jsonl", "--on", "ray:127.0.0.2:1", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "no Ray cluster at ray:127.0.0.2:1" in done.stderr
    assert not (tmp_path / "t.parts").exists()


REFUSED = (
    "Initialization failure from server:\nTraceback (most recent call last):\n"
    '  File "proxier.py", line 757, in Datapath\n    raise RuntimeError(\n'
    "RuntimeError: Proxy failed to Connect to backend! Check the logs\n"
)


def test_a_head_too_busy_for_a_client_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It forks while its own threads call gRPC, now and then the fork dies; or 30 s pass."""
    answers = fail_to_connect(monkeypatch, REFUSED, times=2)
    with RayCluster("ray://127.0.0.2:1"):
        assert answers == []


def test_a_head_that_refuses_clients_is_an_error_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = fail_to_connect(monkeypatch, REFUSED, times=5)
    with (
        pytest.raises(
            TaggerError,
            match=r"no Ray cluster at ray://127.0.0.2:1: Initialization failure from server: "
            r"RuntimeError: Proxy failed to Connect to backend! Check the logs; hint: ",
        ),
        RayCluster("ray://127.0.0.2:1"),
    ):
        pass
    assert len(answers) == 2  # of five: it was asked three times


def test_another_error_of_a_client_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = fail_to_connect(monkeypatch, "ray client connection timeout\nsecond line", times=3)
    with (
        pytest.raises(TaggerError, match=r"ray://127.0.0.2:1: ray client connection timeout; hint"),
        RayCluster("ray://127.0.0.2:1"),
    ):
        pass
    assert len(answers) == 2


def fail_to_connect(monkeypatch: pytest.MonkeyPatch, text: str, *, times: int) -> list[str]:
    """Let the first attempts to connect fail with a text; return the failures that are left."""
    answers = [text] * times

    def init(**_: object) -> None:
        if answers:
            raise ConnectionAbortedError(answers.pop())

    monkeypatch.setattr("ray.init", init)
    monkeypatch.setattr("common_ml.runtime.ray_cluster.require_listener", lambda _: None)
    monkeypatch.setattr("common_ml.runtime.ray_cluster._CLIENT", Backoff(3, first_seconds=0))
    return answers
