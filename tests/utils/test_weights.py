"""Weights in the cache: downloaded once, checked, and never half there."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from common_ml import cached_weights
from common_ml.errors import WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 10_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def __init__(self, requests: list[str], *args: object) -> None:
        self.requests = requests
        super().__init__(*args)  # type: ignore[arg-type] # those of the server

    def do_GET(self) -> None:
        self.requests.append(self.path)
        is_there = not self.path.startswith("/none")
        self.send_response(200 if is_there else 404)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: 1000 if "torn" in self.path else None] if is_there else b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    requests: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, requests)) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}", requests
        served.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "common-ml" / "weights" / DIGEST[:16]


def test_they_are_downloaded_once(
    server: tuple[str, list[str]], cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, requests = server

    path = cached_weights(f"{url}/models/net%20a.onnx?download=1", DIGEST.upper())
    again = cached_weights(f"{url}/models/net%20a.onnx?download=1", DIGEST)

    assert path == again == cache / "net_a.onnx"
    assert path.read_bytes() == CONTENT
    assert len(requests) == 1
    assert sorted(entry.name for entry in cache.iterdir()) == [".lock", "net_a.onnx"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "downloading net_a.onnx, 2.6 MB\nnet_a.onnx: 2.6 MB, done\n"


PROGRAM = "import sys; from common_ml import cached_weights; print(cached_weights(*sys.argv[1:]))"


def test_of_several_processes_one_downloads(server: tuple[str, list[str]], cache: Path) -> None:
    url, requests = server
    command = [sys.executable, "-c", PROGRAM, f"{url}/net.onnx", DIGEST]

    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {child.communicate()[0].strip() for child in children}

    assert said == {str(cache / "net.onnx")}
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("name", "digest", "message"),
    [
        ("net", "0" * 64, "has another content: sha256 must be 000"),
        ("torn", DIGEST, "cannot be downloaded: the connection ended after 1000 of 2560000 bytes"),
        ("none", DIGEST, r"cannot be downloaded: Not Found; hint: without a network, put the file"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_left(
    server: tuple[str, list[str]], cache: Path, name: str, digest: str, message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        cached_weights(f"{server[0]}/{name}", digest)

    assert [entry.name for entry in cache.parent.rglob("*") if entry.is_file()] == [".lock"]


def test_without_a_network_the_place_is_named_and_a_file_there_is_taken(cache: Path) -> None:
    url = "http://127.0.0.1:9/net.onnx"
    with pytest.raises(WeightsError, match=f"put the file at {cache / 'net.onnx'}"):
        cached_weights(url, DIGEST)

    (cache / "net.onnx").write_bytes(CONTENT)

    assert cached_weights(url, DIGEST) == cache / "net.onnx"


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        cached_weights("https://localhost/a", "abc")
    with pytest.raises(ValueError, match="url must begin with"):
        cached_weights("ftp://localhost/a", DIGEST)
