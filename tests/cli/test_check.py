"""`common-ml check`, as somebody at a terminal uses it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from common_ml.media.synthesis import write_clip
from tests.python_program import run_python
from tests.runtime.faulty_taggers import FAULTS, GOOD

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A folder with a good tagger."""
    (tmp_path / "main.py").write_text(GOOD, encoding="utf-8")
    return tmp_path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder with a tagger that writes boxes of pixels."""
    (fault,) = (fault for fault in FAULTS if fault.name == "a box of pixels")
    (tmp_path / "main.py").write_text(fault.source, encoding="utf-8")
    return tmp_path


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return run_python("-m", "common_ml", "check", *arguments)


def test_a_good_tagger_passes_and_the_time_is_printed(good: Path) -> None:
    done = check(good)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "37 passed, 0 failed, 0 skipped" in done.stdout
    assert "13 starts of the tagger" in done.stdout
    assert "FAIL" not in done.stdout
    assert done.stderr == ""


def test_a_failure_has_expectation_observation_and_hint(bad: Path) -> None:
    done = check(bad, "--only", "boxes", "--only", "time-order")

    assert done.returncode == 1
    assert "1 passed, 1 failed, 0 skipped" in done.stdout
    lines = " ".join(done.stdout.split())
    assert "expected x1, y1, x2, y2 are 0..1 of width and height" in lines
    assert "seen a box of 32, 48, 160, 144" in lines
    assert "hint divide pixels by width and height" in lines
    assert "1 start of the tagger" in done.stdout


def test_json_holds_everything(bad: Path) -> None:
    done = check(bad, "--json", "--only", "boxes", "--only", "time-order")

    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert (report["passed"], report["failed"], report["starts"]) == (1, 1, 1)
    (box,) = (found for found in report["checks"] if found["name"] == "boxes")
    assert box["outcome"] == "failed"
    assert box["seen"].startswith("a box of 32, 48, 160, 144")
    assert box["hint"]


def test_junit_is_what_ci_servers_read(bad: Path) -> None:
    report = bad / "new" / "report.xml"

    done = check(bad, "--junit", report, "--only", "boxes", "--only", "starts")

    (suite,) = ET.parse(report).getroot()
    assert done.returncode == 1
    assert suite.attrib["tests"] == "2"
    assert suite.attrib["failures"] == "1"
    cases = {case.attrib["name"]: case for case in suite}
    failure = cases["boxes"].find("failure")
    assert failure is not None
    assert "hint: divide pixels" in str(failure.text)
    assert len(cases["starts"]) == 0


def test_files_of_ones_own_are_checked_under_their_names(good: Path) -> None:
    for name in ("one.mp4", "two.mp4"):
        write_clip(good / name, seconds=0.5)

    done = check(
        good, good / "one.mp4", good / "two.mp4", "--only", "progress", "--only", "odd-names"
    )

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_a_check_that_cannot_be_evaluated_is_skipped_with_the_reason(tmp_path: Path) -> None:
    main = tmp_path / "main.py"
    main.write_text(GOOD.replace("frame_info=frame", "frame_info=None"), encoding="utf-8")

    done = check(main, "--only", "boxes")

    assert done.returncode == 0
    assert "(no tag had a box)" in done.stdout


def test_list_names_every_check() -> None:
    from common_ml.runtime.conformance import CHECKS

    done = check("--list")

    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [c.name for c in CHECKS]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.py"], "no such file: nothing.py"),
        (["no-such-program main.py"], "no such program: no-such-program"),
        (["{good}", "no.mp4"], "no such file or folder: no.mp4"),
        (["{good}", "{good}/a/clip.mp4", "{good}/b/clip.mp4"], "two files are called clip.mp4"),
        (["{good}", "-p", "fps"], "-p takes key=value"),
    ],
)
def test_an_error_is_one_line(good: Path, arguments: list[str], message: str) -> None:
    for folder in ("a", "b"):
        (good / folder).mkdir()
        (good / folder / "clip.mp4").touch()

    done = check(*(argument.format(good=good) for argument in arguments))

    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_check_is_a_wrong_argument(good: Path) -> None:
    done = check(good, "--only", "boxs")

    assert done.returncode == 2
    assert "unknown check 'boxs'" in done.stderr


def test_help_has_an_example() -> None:
    done = check("--help")

    assert done.returncode == 0
    assert "Example: common-ml check my-tagger clip.mp4" in done.stdout
