"""`common-ml bench`: the figures of a run, for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common_ml.cli.app import main
from common_ml.media.synthesis import write_clip

if TYPE_CHECKING:
    from pathlib import Path

MAIN = """
import time
from common_ml import FrameModel, FrameTag, run_default

class Slow(FrameModel):
    def tag_frame(self, img):
        time.sleep(0.05)
        return [FrameTag("a")]

if __name__ == "__main__":
    run_default(Slow())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user is: a tagger, and a clip of two seconds."""
    (tmp_path / "main.py").write_text(MAIN)
    write_clip(tmp_path / "clip.mp4", size=(64, 48))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bench(*arguments: str) -> int:
    """The exit status of the command."""
    with pytest.raises(SystemExit) as stopped:
        main(["bench", *arguments])
    return int(stopped.value.code or 0)


def test_json_has_all_figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("main.py", "clip.mp4", "-p", "fps=10", "--json") == 0

    printed = json.loads(capsys.readouterr().out)
    assert printed["model"] == {"name": "Slow", "kind": "frame", "batch_size": None}
    assert (printed["files"], printed["frames"], printed["calls"]) == (1, 20, 20)
    assert set(printed["stages"]) == {"decode", "model", "write", "idle", "other"}
    assert printed["stages"]["model"] >= 20 * 0.05
    assert sum(printed["stages"].values()) == pytest.approx(printed["tagging_seconds"])
    assert printed["loading_seconds"] + printed["tagging_seconds"] <= printed["total_seconds"]
    assert printed["advice"]
    assert not list(folder.glob("*.jsonl"))


def test_a_page_has_the_stages_along_the_time(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("main.py", "clip.mp4", "-p", "fps=10", "--json", "--page", "bench.html") == 0

    captured = capsys.readouterr()
    assert "page: bench.html" in captured.err
    printed = json.loads(captured.out)
    for stage, seconds in printed["timeline"]["stages"].items():
        assert sum(seconds) == pytest.approx(printed["stages"][stage], abs=0.01)
    page = (folder / "bench.html").read_text()
    assert "<h2>Slow</h2>" in page
    assert page.count('<rect class="model"') >= 20
    assert f"{printed['stages']['model']:.2f} s" in page


def test_a_person_sees_the_stages_and_what_to_change(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(".", "clip.mp4") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Slow (frame)"
    assert [line.split()[0] for line in lines[1:6]] == ["decode", "model", "write", "idle", "other"]
    assert any(line.startswith("speed") and "times real time" in line for line in lines)
    assert any(line.startswith("memory") and line.rstrip().endswith("MB at most") for line in lines)
    assert [line for line in lines if line.startswith("→ ")]


@pytest.mark.parametrize(
    ("arguments", "way_out"),
    [
        (["missing.py", "clip.mp4"], "no such file: missing.py"),
        (["main.py", "missing.mp4"], "no such file or folder: missing.mp4"),
        (["main.py", "clip.mp4", "-p", "fps"], "-p takes key=value"),
        (["main.py", "clip.mp4", "-p", "fps=0"], "fps must be a finite number > 0"),
        (["an-image", "clip.mp4"], "name its main.py"),
    ],
)
def test_what_cannot_be_measured_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], way_out: str
) -> None:
    assert bench(*arguments) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    first, *_ = captured.err.strip().splitlines()
    assert first.startswith("error: ")
    assert way_out in first
