"""`run --watch`: runs again when code changes, with weights kept where `reload` allows."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.cli.code_changes import CodeChanges
from common_ml.tagging.tag_list import Tags
from tests.cli.running import COMMAND, common_ml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAIN = """
from common_ml import catch_errors, run_default

if __name__ == "__main__":
    with catch_errors():
        from model import Model

        run_default(Model())
"""
MODEL = """
import os
from common_ml import AVModel, Tag

class Model(AVModel):
    def __init__(self):
        self.weights = os.getpid()

    def reload(self, previous):
        self.weights = previous.weights

    def tag(self, fpath):
        return [Tag(0, 10, f"one of {self.weights}")]
"""


class Watched:
    """`common-ml run --watch` under way."""

    def __init__(self, folder: Path) -> None:
        self.model = folder / "model.py"
        self.tags = folder / "tags.jsonl"
        self._process = subprocess.Popen(
            [*COMMAND, "run", ".", "a.mp4", "--watch"],
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until_it_watches(self) -> list[str]:
        """The lines up to the one that says so."""
        assert self._process.stderr is not None
        lines = []
        for line in self._process.stderr:
            lines.append(line.rstrip("\n"))
            if line.startswith("watching "):
                return lines
        raise AssertionError("\n".join(lines))

    def change(self, old: str, new: str) -> list[str]:
        """Change the code; the lines of the run after it."""
        draft = self.model.with_suffix(".draft")
        draft.write_text(self.model.read_text().replace(old, new))
        draft.replace(self.model)  # in one step, as editors do
        return self.until_it_watches()

    def tag(self) -> str:
        return Tags.read(self.tags)[0].tag

    def stop(self) -> int:
        self._process.send_signal(signal.SIGINT)
        assert self._process.stderr is not None
        self._process.stderr.read()
        self._process.stderr.close()
        return self._process.wait()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "a.mp4").write_bytes(b"x")
    run = Watched(tmp_path)
    yield run
    assert run.stop() == 0


def test_the_tagger_takes_changed_code_over_with_its_weights(watched: Watched) -> None:
    watched.until_it_watches()
    first = watched.tag()
    assert first.startswith("one of ")

    lines = watched.change("one of", "two of")
    assert lines[:2] == ["changed: model.py", "reloaded: Model"]
    assert watched.tag() == first.replace("one", "two")  # the same process: its weights are kept
    previous = Tags.read(watched.tags.with_name("tags.previous.jsonl"))
    assert previous[0].tag == first  # to compare with

    lines = watched.change("return [Tag", "raise KeyError('x'); return [Tag")
    assert "error: a.mp4: KeyError: 'x'" in lines
    assert "  model.py:13 in tag" in lines

    lines = watched.change("raise KeyError('x'); ", "(")
    assert lines[1].startswith("error: the changed code cannot be loaded: SyntaxError: ")

    watched.change("(return [Tag", "return [Tag")
    assert watched.tag() == first.replace("one", "two")

    lines = watched.change("    def reload", "    def other")  # without the method it starts again
    assert "the tagger starts again; a reload method keeps weights" in lines
    assert watched.tag().startswith("two of ")
    assert watched.tag() != first.replace("one", "two")


def test_an_image_cannot_be_watched(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    done = common_ml("run", "localhost/tagger", "a.mp4", "--watch", cwd=tmp_path)

    assert done.returncode == 1
    assert "--watch needs a program; hint: name a main.py or its folder" in done.stderr


@pytest.fixture(params=["events", "polling"])
def changes(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CodeChanges]:
    if request.param == "polling":
        monkeypatch.setitem(__import__("sys").modules, "inotify_simple", None)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    for name in ("main.py", "pkg/a.py", "env/lib.py"):
        (tmp_path / name).write_text("1")
    with CodeChanges(tmp_path) as watching:
        yield watching


def test_what_counts_as_a_change(changes: CodeChanges, tmp_path: Path) -> None:
    """Python files that are written, added or removed; not those of environments, nor data."""

    def later(action: Any, *arguments: Any) -> list[str]:
        timer = threading.Timer(0.05, action, arguments)
        timer.start()
        found = changes.wait(timeout_seconds=20)
        timer.join()
        return [str(path.relative_to(tmp_path)) for path in found]

    assert later((tmp_path / "pkg" / "a.py").write_text, "12") == ["pkg/a.py"]
    assert later((tmp_path / "main.py").unlink) == ["main.py"]
    (tmp_path / "env" / "lib.py").write_text("12")
    (tmp_path / "tags.jsonl").write_text("12")
    assert changes.wait(timeout_seconds=0.01) == []

    (tmp_path / "new").mkdir()
    assert changes.wait(timeout_seconds=0.01) == []
    assert later((tmp_path / "new" / "b.py").write_text, "1") == ["new/b.py"]
