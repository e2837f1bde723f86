"""`common-ml data query`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common_ml.data.dataset import Dataset
from common_ml.tagging.messages import Progress
from common_ml.tagging.tags_file.reader import read_messages
from tests.data.made import tag, write_tags
from tests.python_program import run_python

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tags = [tag("car", "a.jpg"), tag("car", "b.mp4", 1), tag("stop\x1bsign", "b.mp4", 2)]
    write_tags(tmp_path / "tags.jsonl", [*tags, Progress("c.png")])
    return tmp_path


def test_describe(folder: Path) -> None:
    write_tags(folder / "earlier.jsonl", [tag("tram", "a.jpg")])
    command = ("-m", "common_ml", "data", "describe", "tags.jsonl")

    plain = run_python(*command, cwd=folder)
    assert plain.stdout.splitlines()[:2] == [
        "3 records of 3 media (2 image, 1 video)",
        "3 annotations, 3 with a box",
    ]
    assert "stop\\x1bsign" in plain.stdout
    paged = run_python(
        *command, "--against", "earlier.jsonl", "--page", "plots.html", "--json", cwd=folder
    )
    assert json.loads(paged.stdout)["labels"] == {"car": 2, "stop\x1bsign": 1}
    assert paged.stderr == "page: plots.html\n"
    page = (folder / "plots.html").read_text()
    assert "What changed" in page
    assert "100.0% → 0.0%" in page  # trams


def query(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("-m", "common_ml", "data", "query", *arguments)
    return run_python(*command, cwd=folder, env={"COLUMNS": "60"})


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


@pytest.fixture
def imperfect(folder: Path) -> Path:
    """A COCO file of which one annotation of three can be used, and one needs repair."""
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3]},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [20, 20, -10, 10]},
        {"id": 3, "image_id": 9, "category_id": 1, "bbox": [1, 2, 3, 4]},
    ]
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": annotations,
    }
    (folder / "coco.json").write_text(json.dumps(document))
    return folder


@pytest.mark.parametrize("verb", [["describe"], ["query", "labels.car = 1"]])
def test_what_cannot_be_used_is_left_out_where_asked(imperfect: Path, verb: list[str]) -> None:
    name, *rest = verb
    command = ("-m", "common_ml", "data", name, "coco.json", *rest)

    strict = run_python(*command, cwd=imperfect)
    assert strict.returncode == 1
    assert strict.stdout == ""
    assert "Traceback" not in strict.stderr

    done = run_python(*command, "--skip-bad", "--report", "report.json", cwd=imperfect)
    assert done.returncode == 0
    assert done.stderr.splitlines()[:3] == [
        "what      number  reason",
        "left out       1  image_id: there is no image 9 (first: item 3 of annotations)",
        (
            "left out       1  bbox: must be [x, y, width, height], got [1, 2, 3]"
            " (first: item 1 of annotations)"
        ),
    ]
    report = json.loads((imperfect / "report.json").read_text())
    assert report["sources"] == ["coco.json"]
    assert {one["what"] for one in report["read"]["skipped"]} == {
        "item 1 of annotations",
        "item 3 of annotations",
    }
    assert list(report["read"]["repaired"].values()) == [1]


def test_a_file_of_which_nothing_can_be_used_fails(folder: Path) -> None:
    (folder / "bad.csv").write_text("media,label,frame_index\na.jpg,car,x\n")

    done = query(folder, "bad.csv", "labels.car = 1", "--format", "csv", "--skip-bad")

    assert done.returncode == 1
    assert "left out" in done.stderr


def test_tags_files_take_the_option_too(folder: Path) -> None:
    done = query(folder, "tags.jsonl", "labels.car = 1", "--skip-bad")

    assert (done.returncode, done.stderr) == (0, "2 of 3 records\n")
