"""`common-ml data query`: what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.data.dataset import Dataset
from common_ml.tagging.messages import Progress
from common_ml.tagging.reader import read_messages
from tests.data.made import tag, write_tags

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tags = [tag("car", "a.jpg"), tag("car", "b.mp4", 1), tag("stop\x1bsign", "b.mp4", 2)]
    write_tags(tmp_path / "tags.jsonl", [*tags, Progress("c.png")])
    return tmp_path


def query(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "common_ml.cli.app", "data", "query", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "60"},
    )


def test_a_pipe_gets_plain_lines(folder: Path) -> None:
    done = query(folder, "tags.jsonl", "labels.car = 1")

    assert done.stdout == "a.jpg\timage\t1\tcar\nb.mp4\tvideo\t2\tcar, stop\\x1bsign\n"
    assert done.stderr == "2 of 3 records\n"
    assert done.returncode == 0


def test_records_are_printed_as_json(folder: Path) -> None:
    done = query(folder, "tags.jsonl", "labels.car = 1", "--per", "frame", "--jsonl")

    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["a.jpg", "b.mp4#1"]


def test_tags_are_written_to_a_file(folder: Path) -> None:
    query(folder, "tags.jsonl", "file.kind = 'video'", "-o", "videos.jsonl")
    query(folder, "*.jsonl", "labels.car = 0", "-o", "empty.parquet")

    expected = [tag("car", "b.mp4", 1), tag("stop\x1bsign", "b.mp4", 2), Progress("b.mp4")]
    assert list(read_messages(folder / "videos.jsonl")) == expected
    assert [one.media for one in Dataset.open(folder / "empty.parquet").records()] == ["c.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tags.jsonl", "labels.cra > 1"], "error: unknown label labels.cra: did you mean"),
        (["none.jsonl", "labels.car > 1"], "error: no such file or folder: 'none.jsonl'"),
        (["tags.jsonl", "read_text('x') = 'y'"], "error: \"read_text('x')"),
        (["tags.jsonl", "labels.car > 1", "-o", "x.txt"], "must end in .jsonl or"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder: Path, arguments: list[str], words: str) -> None:
    done = query(folder, *arguments)

    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
