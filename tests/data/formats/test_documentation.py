"""docs/formats.md: its commands and code run, and its tables are complete."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from common_ml.data import formats
from tests.data.formats import scale_tasks as tasks
from tests.python_program import run_python

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the files that the page speaks of."""
    exported = [tasks.image_task(str(number), tasks.BOX) for number in range(10)]
    (tmp_path / "export.json").write_text(json.dumps(exported))
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (10, 10)).save(tmp_path / "pictures" / "a.png")
    box = {"x1": 0, "y1": 0, "x2": 1, "y2": 1}
    tag = {"start_time": 0, "end_time": 0, "tag": "car", "source_media": "a.png", "track": "",
           "additional_info": None, "frame_info": {"frame_idx": 0, "box": box}}  # fmt: skip
    (tmp_path / "tags.jsonl").write_text(json.dumps({"type": "tag", "data": tag}) + "\n")
    image = {"id": 1, "file_name": "a.png", "width": 10, "height": 10}
    boxes = ([5, 5, -3, 2], [1, 1])
    found = {
        "images": [image],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": box} for box in boxes],
    }
    (tmp_path / "found.json").write_text(json.dumps(found))
    return tmp_path


def test_the_commands_do_what_they_should(folder: Path) -> None:
    commands = re.findall(r"^\$ common-ml (.+)$", PAGE, flags=re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        done = run_python("-m", "common_ml", *shlex.split(command), cwd=folder)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    for made in ("coco.json", "boxes.csv", "dataset/records.csv", "parts/val/records.csv"):
        assert (folder / made).exists(), made


def test_the_code_runs(folder: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    flipped = "negative width or height: box measured from its other corner"
    assert done.stdout == "10 [] []\n1 " + str({flipped: 1}) + "\n"


COMMON = {"on_error", "report", "media_root", "download"}
"""Options that every reader has."""


def options_of(function: Callable[..., object]) -> set[str]:
    return {
        name
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is one.KEYWORD_ONLY and "Callable" not in str(one.annotation)
    }


@pytest.mark.parametrize("name", formats.names())
def test_the_table_has_every_option(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|(.+\|.+\|.+\|.+)\|$", PAGE, flags=re.MULTILINE)[:1]
    _, written, of_reader, of_writer = row.split("|")
    module = formats.get(name)

    assert set(re.findall(r"`(\w+)`", of_reader)) == options_of(module.read) - COMMON
    assert options_of(module.read) >= COMMON
    if formats.can_write(name):
        assert set(re.findall(r"`(\w+)`", of_writer)) == options_of(vars(module)["write"])
    else:
        assert written.strip() == "no"
