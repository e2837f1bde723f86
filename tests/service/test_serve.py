"""The service end to end: real processes, one tagger, and the bytes of `common-ml run`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.tagging.wire import read_messages
from tests.cli.running import common_ml
from tests.runtime.programs import HONEST, program
from tests.service.serving import serve

if TYPE_CHECKING:
    from pathlib import Path

SLOW = """
for line in lines:
    tag(line, "seen", end=1000)
    while not os.path.exists(os.path.join(os.path.dirname(sys.argv[0]), "go")):
        time.sleep(0.01)
    put("progress", source_media=line)
"""
"""Waits for a file beside it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tagger, `sizes`, and pictures of 9 to 28 bytes."""
    program(tmp_path / "sizes", HONEST)
    (tmp_path / "pictures").mkdir()
    for n in range(20):
        (tmp_path / "pictures" / f"{n:02}.pbm").write_bytes(b"P1 1 1 0\n" + b"\n" * n)
    return tmp_path


def test_predict_writes_the_bytes_of_run(folder: Path) -> None:
    common_ml("run", "sizes", "pictures", "-o", "run.jsonl", cwd=folder).check_returncode()
    with serve("sizes", folder=folder) as served:
        token = served.client().post("/v1/tokens", json={"name": "test"}).json()["token"]
        arguments = ["predict", served.url, "pictures", "-m", "sizes", "--token", token]
        first = common_ml(*arguments, "-o", "served.jsonl", cwd=folder)
        second = common_ml(*arguments, "-o", "again.jsonl", cwd=folder)
        status = served.stop()

    assert first.returncode == 0, first.stderr
    assert (folder / "served.jsonl").read_bytes() == (folder / "run.jsonl").read_bytes()
    assert second.returncode == 0, second.stderr
    assert (folder / "again.jsonl").read_bytes() == (folder / "run.jsonl").read_bytes()
    assert status == 0
    lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    answers = [line for line in lines if line["message"] == "request"]
    assert {"time", "level", "request_id", "method", "path", "status", "user"} <= set(answers[0])


@pytest.mark.slow
def test_killed_and_started_again_it_goes_on(folder: Path) -> None:
    program(folder / "waiting", SLOW)
    with serve("waiting", folder=folder) as served:
        client = served.client("waiting")
        files = [("files", (p.name, p.read_bytes())) for p in (folder / "pictures").iterdir()]
        kept = client.post("/v1/files", files=files).json()["items"]
        body = {"files": [file["sha256"] for file in kept], "models": ["waiting"]}
        ids = [p["id"] for p in client.post("/v1/predictions", json=body).json()["predictions"]]
        served.wait_until_running(client)
        served.kill()

    (folder / "waiting" / "go").touch()
    with serve("waiting", folder=folder) as served:
        client = served.client()
        found = client.post(
            "/v1/predictions:lookup", json={"ids": ids}, headers={"prefer": "wait=60"}
        ).json()["predictions"]
        assert [p["state"] for p in found] == ["done"] * 20
        assert {p["num_tags"] for p in found} == {1}
        served.stop()


@pytest.mark.slow
def test_a_failed_file_is_a_failed_row_and_an_error_line(folder: Path) -> None:
    program(
        folder / "picky",
        'for line in lines:\n    put("error", message="too small", source_media=line)',
    )
    with serve("picky", folder=folder) as served:
        token = served.client().post("/v1/tokens", json={}).json()["token"]
        done = common_ml(
            "predict", served.url, "pictures/00.pbm", "-m", "picky", "--token", token, cwd=folder
        )
        listed = served.client().get("/v1/predictions", params={"state": "failed"}).json()["items"]
        served.stop()

    assert done.returncode == 1
    assert "too small" in done.stderr
    (message,) = read_messages(folder / "tags.jsonl")
    assert getattr(message, "source_media", None) == "pictures/00.pbm"
    assert ["too small" in one["error"] for one in listed] == [True]


def test_the_first_start_prints_a_link_that_logs_in_once(folder: Path) -> None:
    with serve(
        "--workers", "0", folder=folder, environment={"COMMON_ML_ADMIN_PASSWORD": ""}
    ) as served:
        assert served.process.stdout is not None
        line = served.process.stdout.readline()
        served.stop()

    assert re.fullmatch(
        rf"log in once, as administrator: {re.escape(served.url)}/#setup=cml_\S{{43}}\n", line
    )


@pytest.mark.parametrize("command", ["serve --workers 0 --port 0", "worker sizes"])
def test_a_start_says_at_once_which_database_it_waits_for(folder: Path, command: str) -> None:
    pytest.importorskip("psycopg")
    program = [sys.executable, "-m", "common_ml", *command.split()]
    database = ["--database", "postgresql://me@127.0.0.1:1/tags"]
    with subprocess.Popen(
        [*program, *database], cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        lines = iter(process.stderr)
        is_said = any("connecting to PostgreSQL at 127.0.0.1:1, database tags" in s for s in lines)
        assert is_said
        assert process.poll() is None  # it has only begun to wait
        process.kill()


def test_a_taken_port_and_a_missing_tagger_are_said(folder: Path) -> None:
    nothing = common_ml("serve", cwd=folder)
    assert nothing.returncode == 2
    assert "name a tagger" in nothing.stderr
    with serve("--workers", "0", folder=folder) as served:
        port = served.url.rpartition(":")[2]
        taken = common_ml("serve", "--workers", "0", "--port", port, cwd=folder)
        served.stop()
    assert taken.returncode == 1
    assert "hint: choose another --port" in taken.stderr
    refused = common_ml("predict", served.url, "pictures", "-m", "x", cwd=folder)
    assert "cannot reach" in refused.stderr
