"""The pytest plugin in other people's projects: silent unless asked, and what it does if asked."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.runtime.faulty_taggers import FAULTS, GOOD
from tests.test_imports import libraries, modules_loaded_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TESTS_OF_A_REPO = """
from common_ml.tagging.messages import Progress, Tag

def test_a_clip_is_tagged(tagger, make_clip):
    clip = str(make_clip(seconds=1))
    messages = tagger.tag(clip)
    assert messages[-1] == Progress(clip)
    assert [message.start_time for message in messages if isinstance(message, Tag)] == [0, 500]

def test_a_tagger_can_be_fed_by_hand(tagger, make_clip):
    with tagger.start(params={"continue_on_error": True}) as started:
        started.send([make_clip("a.mp4", seconds=0.5)])
        assert isinstance(next(started.messages()), Tag)

def test_media_of_all_kinds(make_clip, make_image, make_sound):
    from common_ml.media.kinds import media_kind
    made = [make_clip("a/clip.mkv", seconds=0.5), make_image("b.jpg"), make_sound("c.flac")]
    assert [media_kind(path) for path in made] == ["video", "image", "audio"]
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A project of its own, whose tagger is a good one."""
    (tmp_path / "main.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return tmp_path


def run_pytest(repo: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest there as its author does: the exit status, and what it printed.

    With the plugin of this package alone: others that happen to be installed take two seconds to
    load. `test_other_projects_notice_nothing` has them all.
    """
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return _run_pytest(repo, "-p", "common_ml", *arguments, environment=environment)


def _run_pytest(
    repo: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", *arguments],
        cwd=repo,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return done.returncode, done.stdout + done.stderr


def test_loading_it_loads_no_library() -> None:
    """Every pytest run on a machine with common-ml pays for what it loads."""
    with_pytest = libraries(modules_loaded_by("pytest"))

    assert libraries(modules_loaded_by("common_ml.testing.plugin")) <= with_pytest


def test_other_projects_notice_nothing(repo: Path) -> None:
    (repo / "main.py").unlink()
    (repo / "test_other.py").write_text(
        "import sys, pytest\n"
        "@pytest.fixture\ndef tagger(): return 'mine'\n"
        "def test_mine(tagger): assert tagger == 'mine'\n"
        "def test_nothing_heavy_is_loaded():\n"
        "    assert not {'numpy', 'av', 'cv2', 'typer', 'common_ml.runtime'} & sys.modules.keys()\n"
    )

    status, printed = _run_pytest(repo, "-q")

    assert (status, printed.splitlines()[-1][:8]) == (0, "2 passed"), printed


def test_the_fixtures_make_media_and_start_the_tagger(repo: Path) -> None:
    (repo / "test_tagger.py").write_text(TESTS_OF_A_REPO)

    status, printed = run_pytest(repo, "-q")

    assert (status, printed.splitlines()[-1][:8]) == (0, "3 passed"), printed


def test_without_a_tagger_the_fixture_says_how_to_name_one(repo: Path) -> None:
    (repo / "main.py").unlink()
    (repo / "test_tagger.py").write_text("def test_it(tagger): pass\n")

    status, printed = run_pytest(repo, "-q")

    assert status == 1
    assert "hint: pass one, as in pytest --tagger 'python main.py'" in printed


def test_the_checks_are_items_beside_the_tests_of_the_repo(repo: Path) -> None:
    (repo / "test_own.py").write_text("def test_own(): pass\n")

    status, printed = run_pytest(repo, "-q", "--collect-only", "--tagger", "python main.py")

    collected = [line for line in printed.splitlines() if "::" in line]
    assert status == 0
    assert collected[0] == "test_own.py::test_own"
    assert "tagger::late-lines" in collected
    assert len(collected) > 25


def test_a_good_tagger_passes(repo: Path) -> None:
    report = repo / "report.xml"

    status, printed = run_pytest(repo, "-q", "--tagger", "main.py", f"--junitxml={report}")

    assert status == 0, printed
    assert " failed" not in printed
    assert 'name="late-lines"' in report.read_text()


def test_a_failure_says_what_to_do_and_shows_no_traceback(repo: Path) -> None:
    (fault,) = (fault for fault in FAULTS if fault.name == "times swapped")
    (repo / "main.py").write_text(fault.source, encoding="utf-8")

    status, printed = run_pytest(repo, "-k", "time-order or boxes", "--tagger", "python main.py")

    assert status == 1
    assert "1 failed, 1 passed" in printed
    assert "expected: start_time <= end_time" in printed
    assert "seen:     start_time 400 > end_time 0" in printed
    assert "hint:     find out why the two times" in printed
    assert "Traceback" not in printed
    assert "conformance" not in printed


def test_files_and_params_reach_the_tagger(repo: Path) -> None:
    from common_ml.media.synthesis import write_clip

    write_clip(repo / "mine.mp4", seconds=0.5)

    given = ("--tagger-file", "mine.mp4", "--tagger-params", '{"continue_on_error": false}')
    status, printed = run_pytest(repo, "-rs", "-k", "starts", "--tagger", "main.py", *given)

    assert status == 0
    assert "params were given, and every start got them" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tagger", "nothing.py"], "no such file: nothing.py"),
        (["--tagger", "main.py", "--tagger-file", "no.mp4"], "no such file: no.mp4"),
        (["--tagger", "main.py", "--tagger-params", "[1]"], "must be a JSON object, got '[1]'"),
        (["--tagger", "main.py", "--tagger-params", "{"], "--tagger-params must be valid JSON"),
    ],
)
def test_wrong_options_are_one_line(repo: Path, arguments: list[str], message: str) -> None:
    status, printed = run_pytest(repo, "-q", *arguments)

    assert status == pytest.ExitCode.USAGE_ERROR
    assert message in printed
    assert "Traceback" not in printed
