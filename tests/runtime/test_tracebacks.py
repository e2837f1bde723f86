"""Tracebacks in a tagger's log: as Python and the SDK write them."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime.tracebacks import failures_in
from tests.python_program import run_python

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
import json
import numpy as np
from common_ml import FrameModel, FrameTag, catch_errors, run_default

class Model(FrameModel):
    def tag_frame(self, img):
        return self.look(img)

    def look(self, img):
        {body}

if __name__ == "__main__":
    with catch_errors():
        run_default(Model())
"""


def log_of(folder: Path, body: str, *files: str) -> str:
    """What the daemon writes to stderr, the real one."""
    (folder / "main.py").write_text(MODEL.format(body=body))
    params = '{"continue_on_error": true}'
    options = ["--output-path", "tags.jsonl", "--params", params]
    stdin = "".join(f"{file}\n" for file in files)
    return run_python(folder / "main.py", *options, cwd=folder, stdin=stdin).stderr


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    import numpy as np

    from common_ml.media.images.writer import write_png

    for name in ("a, b.png", "c.png"):
        write_png(tmp_path / name, np.zeros((4, 4, 3), np.uint8))
    return ["a, b.png", "c.png"]


def test_each_failed_file_has_its_call_and_the_authors_frames(
    tmp_path: Path, pictures: list[str]
) -> None:
    first, second = failures_in(log_of(tmp_path, 'return {}["label"]', *pictures))

    assert (first.file, second.file) == ("a, b.png", "c.png")
    assert first.call == "Model.tag_frame, frame 0 at 0.000 s"
    assert first.error == "KeyError: 'label'"
    main = str(tmp_path / "main.py")
    assert [(frame.path, frame.function, frame.code) for frame in first.authors_frames] == [
        (main, "look", 'return {}["label"]'),
        (main, "tag_frame", "return self.look(img)"),
    ]
    assert first.frames[-1].line == first.frames[0].line + 3


def test_frames_of_libraries_are_not_the_authors(tmp_path: Path, pictures: list[str]) -> None:
    (failure,) = failures_in(log_of(tmp_path, 'return json.loads("{")', pictures[1]))

    assert failure.error.startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert [frame.function for frame in failure.authors_frames] == ["look", "tag_frame"]
    assert failure.frames[-1].function == "raw_decode"


def test_of_chained_exceptions_the_last_counts(tmp_path: Path, pictures: list[str]) -> None:
    body = "\n        ".join(
        (
            "try:",
            "    1 / 0",
            "except ZeroDivisionError as error:",
            "    raise OSError('x') from error",
        )
    )
    (failure,) = failures_in(log_of(tmp_path, body, pictures[1]))

    assert failure.error == "OSError: x"
    assert (failure.file, failure.call) == ("c.png", "Model.tag_frame, frame 0 at 0.000 s")


def test_a_program_without_the_sdk(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text("print('x')\nimport no_such_module\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)

    (failure,) = failures_in(f"loading\n{done.stderr}")

    assert failure.error == "ModuleNotFoundError: No module named 'no_such_module'"
    assert (failure.file, failure.call) == ("", "")
    assert [(frame.line, frame.code) for frame in failure.authors_frames] == [
        (2, "import no_such_module")
    ]


def test_a_file_of_another_record_is_not_taken_over() -> None:
    log = (
        "2026-01-01 00:00:00,000 ERROR common_ml.tagging.daemon.ledger [-] failed: a.mp4\n"
        "2026-01-01 00:00:00,000 INFO main [-] next\n"
        "Traceback (most recent call last):\n"
        '  File "main.py", line 1, in f\n'
        "ValueError: two\n"
        "lines\n"
        "2026-01-01 00:00:00,000 INFO main [-] more\n"
    )
    (failure,) = failures_in(log)

    assert (failure.file, failure.error) == ("", "ValueError: two\nlines")


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-01 00:00:00,000 ERROR " + "x" * 100 + " [" + "[" * 2_000,
        "a " * 50_000 + "ERROR failed: ",
        '  File "' + '"' * 5_000,
        "failed: " * 20_000,
    ],
)
def test_long_lines_take_linear_time(line: str) -> None:
    log = f"{line}\nTraceback (most recent call last):\n{line}\n" * 20
    started = time.process_time()
    failures_in(log)
    assert time.process_time() - started < 5
