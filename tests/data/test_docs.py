"""Run the code of docs/data.md on the tags of the OCR example."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml.data import Dataset
from tests.docs.blocks import sections_of
from tests.python_program import run_python

if TYPE_CHECKING:
    from tests.docs.blocks import Block

REPOSITORY = Path(__file__).resolve().parents[2]
TAGS = Path(__file__).with_name("ocr_tags.jsonl")
BLOCKS = [
    block for section in sections_of(REPOSITORY / "docs" / "data.md") for block in section.blocks
]
PROGRAMS = {block.file_name: block for block in BLOCKS if block.language == "python"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As it is after the tagger has run."""
    (tmp_path / "media").mkdir()
    shutil.copy(REPOSITORY / "examples" / "media" / "clip.mp4", tmp_path / "media")
    shutil.copy(TAGS, tmp_path / "tags.jsonl")
    return tmp_path


def run(program: Block, folder: Path) -> str:
    (folder / program.file_name).write_text(program.text)
    done = run_python(program.file_name, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_dataset_is_looked_at(folder: Path) -> None:
    lines = run(PROGRAMS["look.py"], folder).splitlines()

    assert lines[0] == "45 records of 1 media (45 video)"
    assert lines[-2].startswith("Dataset(")
    assert lines[-1] == "media/clip.mp4#258 ['PLATFORM 9', 'Last train 23:10']"


def test_samples_have_pixels_and_boxes(folder: Path) -> None:
    lines = run(PROGRAMS["sample.py"], folder).splitlines()

    assert lines[0] == "(360, 640, 3) uint8"
    assert lines[1] == "(2, 4) [2 5] ['HARBOUR', 'Monday 07:45'] 0.0"
    assert lines[2] == "{'train': 36, 'val': 9}"


def test_the_verdict_that_is_shown_is_on_a_tag_of_the_file(folder: Path) -> None:
    """And is read as one: the slice has that tag."""
    (block,) = [block for block in BLOCKS if block.language == "json"]
    said = json.loads(block.text)["data"]
    (folder / "tags.verdicts.jsonl").write_text(block.text)

    sources = [folder / "tags.jsonl", folder / "tags.verdicts.jsonl"]
    rejected = Dataset.open(sources).slice("verdict = 'rejected'")

    (record,) = rejected.records()
    assert record.media == said["source_media"]
    assert said["tag"] in record.labels()


def test_a_head_learns_from_the_tags(folder: Path) -> None:
    """A few steps on the OCR example's own tags make it better at finding text."""
    pytest.importorskip("torch", reason="torch is large; .ci/run has a step for it")

    losses = [float(loss) for loss in run(PROGRAMS["train.py"], folder).split()]

    assert len(losses) == 6
    assert losses[-1] < losses[0] / 2


def test_commands_print_what_is_shown(folder: Path) -> None:
    pytest.importorskip("typer", reason="the command is an extra")
    text = "".join(block.text for block in BLOCKS if block.language == "console")
    shown = ""
    for line in text.splitlines():
        if line.startswith("$ common-ml "):
            done = subprocess.run(
                [sys.executable, "-m", "common_ml", *shlex.split(line[12:])],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"},
            )
            shown += f"{line}\n{done.stdout}"

    assert shown == text
