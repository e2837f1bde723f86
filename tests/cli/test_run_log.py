"""What `run` keeps and shows of a tagger's log, and why a file failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from common_ml.cli.run_log import LogStream, log_path
from tests.cli.running import COMMAND, common_ml
from tests.runtime.programs import HONEST, program

MODEL = """
import sys
from common_ml import AVModel, Tag, catch_errors, run_default

class Sizes(AVModel):
    def tag(self, fpath):
        print("looking at", fpath[-5:])
        print("weights: 3", file=sys.stderr)
        if "b.mp4" in fpath:
            scores = {}
            return [Tag(tag=scores["size"])]
        return [Tag(5, 3, "size")]

if __name__ == "__main__":
    with catch_errors():
        run_default(Sizes())
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with an author's tagger, `main.py`, and two films."""
    (tmp_path / "main.py").write_text(MODEL)
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_a_failure_shows_the_authors_lines_and_the_call(work: Path) -> None:
    done = common_ml("run", "main.py", "a.mp4", "b.mp4", "-p", "continue_on_error=true", cwd=work)

    lines = done.stderr.splitlines()
    assert "error: b.mp4: KeyError: 'size'" in lines
    place = lines.index("  in Sizes.tag")  # lines of the logs may come between
    assert lines[place : place + 3] == [
        "  in Sizes.tag",
        "  main.py:11 in tag",
        '    return [Tag(tag=scores["size"])]',
    ]
    assert any(
        line.startswith("warning: a.mp4: Sizes.tag: end_time must be >= start_time")
        for line in lines
    )
    assert lines[-4:-1] == [
        "printed: 2 lines on stdout, at the end of the log: looking at a.mp4; looking at b.mp4",
        "log: tags.log",
        "next: common-ml view tags.jsonl",
    ]
    assert lines[-1].startswith("1 file tagged, 1 failed, 1 tag in 0:")
    log = (work / "tags.log").read_text()
    assert log.count("weights: 3\n") == 2
    assert "KeyError: 'size'" in log
    assert log.endswith("---- stdout ----\nlooking at a.mp4\nlooking at b.mp4\n")


def test_a_program_that_cannot_start_shows_its_own_line(work: Path) -> None:
    (work / "main.py").write_text("import os\nimport no_such_module\n")

    done = common_ml("run", "main.py", "a.mp4", cwd=work)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: python -u main.py ended with status 1, without an error line",
        "  ModuleNotFoundError: No module named 'no_such_module'",
        "  main.py:2 in <module>",
        "    import no_such_module",
        "log: tags.log",
    ]


def test_invalid_params_are_one_error(work: Path) -> None:
    done = common_ml("run", "main.py", "a.mp4", "b.mp4", "-O", "max_pixels=0", cwd=work)

    assert done.returncode == 1
    assert done.stderr == (
        "error: ParamsError: max_pixels must be a whole number >= 1, got 0 @ "
        "$.common_ml.max_pixels\nlog: tags.log\n"
    )


def test_the_log_of_an_earlier_run_is_kept_or_continued(work: Path) -> None:
    common_ml("run", "main.py", "a.mp4", cwd=work)
    first = (work / "tags.log").read_text()
    common_ml("run", "main.py", "b.mp4", cwd=work)

    assert (work / "tags.previous.log").read_text() == first
    second = (work / "tags.log").read_text()
    common_ml("run", "main.py", "a.mp4", "b.mp4", "--resume", cwd=work)
    assert (work / "tags.log").read_text().startswith(second)
    assert not (work / "tags-2.log").exists()


def test_no_log_is_kept_beside_a_device(work: Path) -> None:
    done = common_ml("run", "main.py", "a.mp4", "-o", "/dev/null", cwd=work)

    assert done.returncode == 0
    assert "log:" not in done.stderr
    assert not Path("/dev/null.log").exists()


def test_each_of_several_taggers_has_its_log(work: Path) -> None:
    body = """
    import glob
    print("begun", file=sys.stderr, flush=True)
    for line in lines:
        end = time.monotonic() + 30
        while len(glob.glob("tags*.log")) < 2 and time.monotonic() < end:  # until both have begun
            time.sleep(0.01)
        put("progress", source_media=line)
    """
    program(work / "both", body)

    files = ["a.mp4", "b.mp4", "main.py", "both/main.py"]
    options = ["-j", "2", "-o", "both/tags.jsonl"]
    done = common_ml("run", "both/main.py", *files, *options, cwd=work)

    assert "log: both/tags.log, both/tags-2.log\n" in done.stderr
    assert (work / "both" / "tags.log").read_text() == "begun\n"
    assert (work / "both" / "tags-2.log").read_text() == "begun\n"


def test_a_tagger_that_says_nothing_leaves_no_log(work: Path) -> None:
    program(work / "silent", HONEST)

    done = common_ml("run", "silent", "a.mp4", cwd=work)

    assert "log:" not in done.stderr
    assert not (work / "tags.log").exists()


def test_the_log_is_kept_of_a_run_that_is_killed(work: Path) -> None:
    """It is written by the tagger itself, not at the end."""
    body = (
        'for line in lines:\n    print("begun", file=sys.stderr, flush=True)\n    signal.pause()\n'
    )
    program(work / "waits", body)
    run = subprocess.Popen(
        [*COMMAND, "run", "waits", "a.mp4", "-v"], cwd=work, stderr=subprocess.PIPE
    )
    assert run.stderr is not None
    assert run.stderr.readline() == b"begun\n"  # shown as it is written
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stderr.close()

    assert (work / "tags.log").read_text() == "begun\n"


def test_the_summary_as_json(work: Path) -> None:
    options = ["-p", "continue_on_error=true", "--json"]
    done = common_ml("run", "main.py", "a.mp4", "b.mp4", *options, cwd=work)

    summary = json.loads(done.stdout)
    assert done.returncode == 1
    assert summary["files"] == {
        "a.mp4": {"state": "tagged", "num_tags": 1, "error": None},
        "b.mp4": {"state": "failed", "num_tags": 0, "error": "KeyError: 'size'"},
    }
    assert summary["tracks"] == {"": {"size": {"count": 1, "total_seconds": -0.002}}}
    assert (summary["output"], summary["logs"]) == ("tags.jsonl", ["tags.log"])
    assert (summary["num_tagged"], summary["num_failed"], summary["num_tags"]) == (1, 1, 1)
    assert summary["printed"] == ["looking at a.mp4", "looking at b.mp4"]
    assert summary["warnings"][0].startswith("a.mp4: Sizes.tag: end_time must be")
    assert summary["error"] is None


@pytest.mark.parametrize(
    ("output", "number", "log"),
    [
        ("tags.jsonl", 0, "tags.log"),
        ("out/tags.jsonl", 1, "out/tags-2.log"),
        ("tags", 0, "tags.log"),
        ("run.log", 0, "run.log.log"),
    ],
)
def test_where_logs_are(output: str, number: int, log: str) -> None:
    assert log_path(Path(output), number) == Path(log)


def test_lines_are_shown_as_they_are_written(tmp_path: Path) -> None:
    """Of several files, one of which does not exist yet; the last line without its newline."""
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    first.write_text("old\n")
    seen: list[str] = []
    arrived = threading.Condition()

    def show(line: str) -> None:
        with arrived:
            seen.append(line)
            arrived.notify()

    def wait_for(line: str) -> None:
        with arrived:
            assert arrived.wait_for(lambda: line in seen, timeout=10)

    def append(path: Path, text: str) -> None:
        with path.open("a") as file:
            file.write(text)

    with LogStream([first, second], show):
        append(first, "one\ntw")
        wait_for("one")
        append(first, "o\n")
        wait_for("two")
        append(second, "three\n")
        wait_for("three")
        append(second, "end")

    assert seen == ["one", "two", "three", "end"]


def test_a_run_with_parts_shows_and_keeps_the_same(work: Path) -> None:
    """The author's lines, the log as it is written, and one log for each tagger or shard."""
    files = ["a.mp4", "b.mp4"]
    done = common_ml(
        *("run", "main.py", *files, "-p", "continue_on_error=true", "--on", "local", "-v"), cwd=work
    )

    lines = done.stderr.splitlines()
    assert "error: b.mp4: KeyError: 'size'" in lines
    place = lines.index("  in Sizes.tag")  # lines of the logs may come between
    assert lines[place : place + 3] == [
        "  in Sizes.tag",
        "  main.py:11 in tag",
        '    return [Tag(tag=scores["size"])]',
    ]
    log = (work / "tags.log").read_text()
    assert "KeyError: 'size'" in log
    assert [line for line in log.splitlines() if line not in lines] == []  # -v
    assert "log: tags.log" in lines

    shard = ("--shard", "1/2", "--parts", "p")
    common_ml("run", "main.py", *files, "-p", "continue_on_error=true", *shard, cwd=work)
    assert "weights: 3" in (work / "tags.shard-1-of-2.log").read_text()
    assert (work / "tags.log").read_text() == log


def test_what_a_watch_cannot_be_combined_with_is_said(work: Path) -> None:
    for option, name in (
        (["-j", "2"], "-j"),
        (["--on", "local"], "--on"),
        (["--parts", "p"], "--parts"),
        (["--resume"], "--resume"),
        (["--json"], "--json"),
    ):
        done = common_ml("run", "main.py", "a.mp4", "--watch", *option, cwd=work)
        assert done.returncode == 2
        assert f"hint: leave out {name}" in " ".join(done.stderr.split()), done.stderr
    assert not (work / "tags.log").exists()
