"""`common-ml serve` as a child process, as a user at a prompt starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PASSWORD = "correct horse"  # noqa: S105 - of tests


@dataclass
class ServeProcess:
    """A running server."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    stack: ExitStack

    def client(self, *models: str) -> httpx.Client:
        """A client of the administrator, by password, once models are offered."""
        client = self.stack.enter_context(httpx.Client(base_url=self.url, timeout=120))
        form = {"username": "admin", "password": PASSWORD}
        token = client.post("/auth/login", data=form).raise_for_status().json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        for model in models:
            while client.get(f"/v1/models/{model}").status_code == 404:
                assert self.process.poll() is None, self.log.read_text()
        return client

    def wait_until_running(self, client: httpx.Client) -> None:
        """Return once a prediction is being tagged."""
        with client.stream("GET", "/v1/events", params={"after": 0}) as events:
            for line in events.iter_lines():
                if line == "event: prediction.running":
                    break

    def kill(self) -> None:
        """Kill it, as the system does when memory is short."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Stop it gracefully; returns its status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


@contextmanager
def serve(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[ServeProcess]:
    """Start it in a folder, on a free port; killed at the end if it still runs."""
    log = folder / "serve.log"
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "common_ml", "serve", *arguments, "--port", "0"],
            cwd=folder,
            env={**os.environ, "COMMON_ML_ADMIN_PASSWORD": PASSWORD, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    assert process.stdout is not None
    with ExitStack() as stack, process:
        try:
            yield ServeProcess(process, _greeting(process, log), log, stack)
        finally:
            if process.poll() is None:
                process.kill()


def _greeting(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    first = process.stdout.readline()
    found = re.match(r"serving at (\S+)/$", first)
    assert found, f"{first!r}\n{log.read_text()}"
    return found[1]
