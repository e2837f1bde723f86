"""Ray Client: a program that belongs to no machine of the cluster reaches it through one port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.running import COMMAND, common_ml
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("ray")
pytestmark = pytest.mark.cluster

LOOPBACK = "127.0.0.2"
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


@pytest.fixture
def address() -> Iterator[str]:
    """Of a head with one CPU that listens to clients."""
    ports = [free_port() for _ in range(2)]
    command = [
        str(Path(sys.executable).with_name("ray")),
        *("start", "--head", "--block", "--num-cpus", "1", "--include-dashboard", "false"),
        *("--node-ip-address", LOOPBACK, "--object-store-memory", str(80 << 20)),
        *("--port", str(ports[0]), "--ray-client-server-port", str(ports[1])),
    ]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **ENVIRONMENT},
    ) as head:
        assert head.stdout is not None
        said: list[str] = []
        for line in head.stdout:
            said.append(line)
            if "--block" in line:  # it says that it waits now
                break
        else:
            pytest.fail("".join(said))
        yield f"ray://{LOOPBACK}:{ports[1]}"
        head.terminate()
        head.communicate()


def test_a_run_through_a_client_writes_the_bytes_of_a_plain_run(
    address: str, tmp_path: Path
) -> None:
    films_in(tmp_path / "films", 3)
    tagger_in(tmp_path / "tagger", MANY_TAGS)
    plain = common_ml("run", "tagger", "films", "-o", "plain.jsonl", cwd=tmp_path)

    done = subprocess.run(
        [*COMMAND, "run", "tagger", "films", "-o", "client.jsonl", "--on", address],
        cwd=tmp_path,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,  # compared below
    )

    assert done.returncode == plain.returncode, done.stderr
    assert (tmp_path / "client.jsonl").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
        return port
