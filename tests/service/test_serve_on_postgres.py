"""The service for a team end to end: a server, two workers, PostgreSQL and an S3 store."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.cli.running import common_ml
from tests.runtime.programs import program
from tests.service.postgres import new_database
from tests.service.serving import serve
from tests.service.test_serve import SLOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.postgres import PostgresServer

NUM_FILES = 63
HEADS = {
    "pbm": b"P1 1 1 0\n",
    "png": b"\x89PNG\r\n\x1a\n",
    "wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
}
"""Beginnings by which kinds are recognised; the tagger counts bytes, and decodes nothing."""

MEETING = """
meeting = os.path.join(os.path.dirname(sys.argv[0]), ".meeting")
for line in lines:
    while os.path.isdir(meeting):
        open(os.path.join(meeting, str(os.getpid())), "w").close()
        if len(os.listdir(meeting)) == 2:
            break
        time.sleep(0.01)
    tag(line, f"{os.path.getsize(line)} bytes", end=1000)
    put("progress", source_media=line)
"""
"""Where there is a folder `.meeting`, a tagger waits in it until a second one has a file, too."""


@pytest.mark.postgres
@pytest.mark.slow
def test_two_workers_write_the_bytes_of_run(
    tmp_path: Path, postgres_server: PostgresServer, s3_url: str
) -> None:
    program(tmp_path / "sizes", MEETING)
    (tmp_path / "media").mkdir()
    for n in range(NUM_FILES):
        ending, head = list(HEADS.items())[n % len(HEADS)]
        (tmp_path / "media" / f"{n:02}.{ending}").write_bytes(head + b"\n" * n)
    common_ml("run", "sizes", "media", "-o", "run.jsonl", cwd=tmp_path).check_returncode()
    (tmp_path / "sizes" / ".meeting").mkdir()

    shared = ["--database", new_database(postgres_server), "--store", s3_url]
    worker = [sys.executable, "-m", "common_ml", "worker", *shared, "--data"]
    with ExitStack() as stack:
        served = stack.enter_context(serve(*shared, "--workers", "0", folder=tmp_path))
        workers = []
        for name in ("one", "two"):
            command = [*worker, name, "sizes"]
            process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            workers.append(process)
        client = served.client("sizes")
        token = client.post("/v1/tokens", json={"name": "test"}).json()["token"]
        arguments = ["predict", served.url, "media", "-m", "sizes", "--token", token]
        done = common_ml(*arguments, "-o", "served.jsonl", cwd=tmp_path)
        for process in workers:
            process.terminate()
        statuses = [process.wait() for process in workers]
        assert served.stop() == 0

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "served.jsonl").read_bytes() == (tmp_path / "run.jsonl").read_bytes()
    assert statuses == [0, 0]
    assert len([*(tmp_path / "sizes" / ".meeting").iterdir()]) == 2  # each worker had files


@pytest.mark.postgres
@pytest.mark.slow
def test_one_of_two_servers_dies_and_the_other_goes_on(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    """Files and their states, and who is logged in, are in the database, not in a server."""
    program(tmp_path / "waiting", SLOW)
    shared = ["--database", new_database(postgres_server), "--store", str(tmp_path / "store")]
    shared += ["--limit", "lease_seconds=3"]
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(serve("waiting", *shared, "--data", name, folder=tmp_path))
            for name in ("one", "two")
        )
        client = first.client("waiting")
        files = [("files", (f"{n}.pbm", b"P1 1 1 0\n" + b"\n" * n)) for n in range(20)]
        kept = client.post("/v1/files", files=files).json()["items"]
        body = {"files": [file["sha256"] for file in kept], "models": ["waiting"]}
        ids = [p["id"] for p in client.post("/v1/predictions", json=body).json()["predictions"]]
        first.wait_until_running(client)
        first.kill()
        (tmp_path / "waiting" / "go").touch()
        found = httpx.post(
            f"{second.url}/v1/predictions:lookup",
            json={"ids": ids},
            headers={"prefer": "wait=60", "authorization": client.headers["authorization"]},
            timeout=120,
        ).json()["predictions"]
        assert second.stop() == 0

    assert [(p["state"], p["num_tags"]) for p in found] == [("done", 1)] * 20
