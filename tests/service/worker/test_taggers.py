"""How a tagger in an image is started: its revision, its GPUs, its options."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import TaggerError
from common_ml.runtime.targets import find_target
from common_ml.service.models.model import ModelSpec
from common_ml.service.models.revision import revision_of
from common_ml.service.worker.taggers import make_tagger

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.runtime.tagger import Tagger
    from common_ml.tagging.messages import Message

ENGINE = """#!{python}
import json, os, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(words) + "\\n")
if words[:2] == ["image", "inspect"]:
    print(json.dumps([{{"Id": "5e1f" * 16}}]))
if words[0] == "run":
    sys.exit(3)
"""
"""Notes its words; knows every image; no tagger of it starts."""


@pytest.fixture(params=["podman", "docker"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The only engine on the PATH."""
    program = tmp_path / "bin" / request.param
    program.parent.mkdir()
    program.write_text(ENGINE.format(python=sys.executable, log=str(tmp_path / "log")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return str(request.param)


def run_words(folder: Path) -> list[str]:
    """What the engine was started with."""
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    return next(line for line in lines if line[0] == "run")


def messages_of(tagger: Tagger) -> list[Message]:
    """Start it without files."""
    with tagger:
        tagger.close_input()
        return list(tagger.messages())


@pytest.mark.parametrize("gpu", ["all", "0,1"])
def test_a_container_gets_the_gpus_of_its_model(tmp_path: Path, engine: str, gpu: str) -> None:
    spec = ModelSpec(
        "ocr", "localhost/ocr:1", revision="r1", gpu=gpu, engine_options=("--memory=8g",)
    )
    tagger = make_tagger(spec, "{}")
    with pytest.raises(TaggerError):
        messages_of(tagger)

    words = run_words(tmp_path)
    expected = {
        ("podman", "all"): ["--device=nvidia.com/gpu=all"],
        ("podman", "0,1"): ["--device=nvidia.com/gpu=0", "--device=nvidia.com/gpu=1"],
        ("docker", "all"): ["--gpus=all"],
        ("docker", "0,1"): ['--gpus="device=0,1"'],
    }[engine, gpu]
    assert [word for word in words if word.startswith(("--device", "--gpus"))] == expected
    assert "--memory=8g" in words
    assert words.index(expected[0]) < words.index("localhost/ocr:1")


def test_the_revision_of_an_image_is_its_digest(engine: str) -> None:
    assert os.environ["PATH"].endswith("bin")
    assert revision_of(find_target("localhost/ocr:1")) == "sha256:" + "5e1f" * 16, engine
