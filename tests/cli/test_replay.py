"""`common-ml replay`, and `python -m common_ml`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from common_ml.media.images import write_png
from tests.python_program import run_python

if TYPE_CHECKING:
    from pathlib import Path

MAIN = """
from common_ml import FrameModel, FrameTag

class Model(FrameModel):
    def tag_frame(self, img):
        if img.max() > 100:
            raise ValueError(f"{img.max()} is more than 100")
        return [FrameTag(tag="dark")]

class Fixed(Model):
    def tag_frame(self, img):
        return [FrameTag(tag="bright")]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program, and a bundle of it."""
    (tmp_path / "main.py").write_text(MAIN)
    command = [sys.executable, "-c", "from common_ml import run_default; import main;"]
    command[-1] += "run_default(main.Model())"
    params = {"common_ml": {"crash_dir": "crashes"}}
    write_png(tmp_path / "a.png", np.full((4, 4, 3), 200, np.uint8))
    arguments = ("--output-path", "tags.jsonl", "--params", json.dumps(params))
    run_python(*command[1:], *arguments, cwd=tmp_path, stdin="a.png\n")
    return tmp_path


def replayed(folder: Path, model: str, *options: str) -> subprocess.CompletedProcess[str]:
    (bundle,) = (folder / "crashes").iterdir()
    return run_python("-m", "common_ml", "replay", bundle, model, *options, cwd=folder)


@pytest.mark.parametrize("options", [[], ["--python", sys.executable]])
def test_a_call_fails_again_until_the_model_is_fixed(folder: Path, options: list[str]) -> None:
    again = replayed(folder, "main:Model", *options)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.endswith("ValueError: 200 is more than 100\n")
    fixed = replayed(folder, "main:Fixed", *options)
    assert (fixed.returncode, fixed.stderr) == (0, "")
    assert "FrameTag(tag='bright'" in fixed.stdout
    assert replayed(folder, "main:Missing", *options).returncode == 2


def test_without_its_extra_the_command_names_it() -> None:
    code = "import sys; sys.modules['typer'] = None; from common_ml.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        (
            "error: typer is not installed; hint: in a clone of common-ml, or with its wheel:"
            " pip install '.[cli]'\n"
        ),
    )
