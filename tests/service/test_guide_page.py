"""docs/service.md, done as it says: its commands, against a server that its first lines start."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml.service.settings import ServiceLimits
from tests.cli.running import common_ml
from tests.docs.blocks import sections_of
from tests.docs.reader import CLIP, REPOSITORY
from tests.service.serving import PASSWORD, serve

if TYPE_CHECKING:
    from tests.docs.blocks import Block

PAGE = REPOSITORY / "docs" / "service.md"
BLOCKS: list[Block] = [block for one in sections_of(PAGE) for block in one.of("sh")]
ADDRESS = "http://127.0.0.1:8000"


@pytest.mark.slow
def test_from_nothing_to_results(tmp_path: Path) -> None:
    start, predict, api, pipeline, inference = BLOCKS
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "clip.mp4").write_bytes(CLIP.read_bytes())
    _, init, password, start_server = map(shlex.split, start.text.splitlines())
    assert password == ["export", f"COMMON_ML_ADMIN_PASSWORD={PASSWORD}"]
    assert start_server[:2] == ["common-ml", "serve"]
    common_ml(*init[1:], cwd=tmp_path).check_returncode()
    common_ml("run", "my-tagger", "media", "-o", "run.jsonl", cwd=tmp_path).check_returncode()

    with serve(*start_server[2:], folder=tmp_path) as served:
        client = served.client("my-tagger")
        token = client.post("/v1/tokens", json={"name": "guide"}).json()["token"]

        def typed(block: Block) -> str:
            text = block.text.replace(ADDRESS, served.url).replace("cml_...", token)
            place = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-c", text],
                cwd=tmp_path,
                env={
                    **os.environ,
                    "PATH": place,
                    "TOKEN": token,
                    "COMMON_ML_ADMIN_PASSWORD": PASSWORD,
                },
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        typed(predict)
        run = (tmp_path / "run.jsonl").read_bytes()
        assert (tmp_path / "tags.jsonl").read_bytes() == run

        shown = typed(api)
        for part in ('"state":"done"', '"tags":["checked"]', "event: prediction.done", "whsec_"):
            assert part in shown, shown
        assert len((tmp_path / "clip.jsonl").read_bytes().splitlines()) == len(run.splitlines())
        assert (tmp_path / "coco.out").stat().st_size > 0

        *_, results = typed(pipeline).partition("]}")
        (document,) = json.loads(results)
        assert document["status"] == "success"
        assert "my-tagger" in document["models"]
        outputs = {one["name"]: one["data"] for one in json.loads(typed(inference))["outputs"]}
        assert outputs["states"] == ["done"]
        assert outputs["tags"][0].encode() == (tmp_path / "clip.jsonl").read_bytes()
        served.stop()


def test_the_limits_are_those_of_the_settings() -> None:
    text, limits = PAGE.read_text(encoding="utf-8"), ServiceLimits()
    assert f"| a file by tus | {limits.max_tus_bytes >> 30} GiB |" in text
    assert f"| a file in a form | {limits.max_multipart_bytes >> 30} GiB" in text
    assert f"| files in a request | {limits.max_files_per_post:,} |" in text
    assert f"| a field of a form | {limits.max_field_bytes >> 10} KiB |" in text
    assert f"queued or running | {limits.max_queued_per_user:,}, then 429 |" in text
    assert f"without a new byte | {limits.upload_seconds / 3600:.0f} hours |" in text
    assert f"read again | {limits.event_days:.0f} days |" in text
