"""The README's quickstart, typed line by line into an empty virtual environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from common_ml.tagging.messages import Progress, Tag
from common_ml.tagging.wire import read_messages
from tests.docs.blocks import sections_of

pytestmark = pytest.mark.examples

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP = "examples/media/clip.mp4"
NETWORK_TROUBLE = ("Connection", "connection", "resolve", "timed out", "No matching distribution")
"""What pip says where it cannot reach an index."""


class Newcomer:
    """Somebody with a clone and an empty virtual environment, who types commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("common_ml", "examples/media"):
            shutil.copytree(
                REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, folder)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """The command, done by a shell in which the environment is active."""
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        environment |= {
            "PATH": f"{self.folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self.folder / "venv"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "BROWSER": "true",  # the program of that name: a browser that shows nothing
        }
        return subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """With the package installed as the README says, from the clone and an index."""
    made = Newcomer(tmp_path_factory.mktemp("quickstart") / "clone")
    install, *_ = quickstart()
    done = made.type(install)
    if done.returncode and any(sign in done.stderr for sign in NETWORK_TROUBLE):
        if os.environ.get("CI"):
            pytest.fail(f"in CI an index must be there:\n{done.stderr}")
        pytest.skip(f"no package index can be reached:\n{done.stderr[-500:]}")
    assert done.returncode == 0, done.stderr
    return made


def quickstart() -> list[str]:
    """The commands that the README shows."""
    (section,) = (
        section
        for section in sections_of(REPOSITORY / "README.md")
        if section.title == "Quickstart"
    )
    (block,) = section.of("sh")
    return block.text.splitlines()


def test_the_quickstart_does_what_it_says(newcomer: Newcomer) -> None:
    """All of it, in order: a repo, tags, their page, and a check without a failure."""
    _, init, run, view, check = quickstart()
    folder = newcomer.folder

    done = newcomer.type(init)
    assert done.returncode == 0, done.stderr
    assert (folder / "my-tagger" / "main.py").is_file()

    done = newcomer.type(run)
    assert done.returncode == 0, done.stderr
    *tags, last = read_messages(folder / "tags.jsonl")
    assert last == Progress(CLIP)
    texts = Counter(tag.tag for tag in tags if isinstance(tag, Tag) and tag.frame_info is None)
    assert texts == {"blue": 1, "yellow": 1, "green": 1, "dark": 1, "magenta": 1}

    done = newcomer.type(view)
    assert done.returncode == 0, done.stderr
    page = (folder / "tags.html").read_text(encoding="utf-8")
    assert "clip.mp4" in page

    done = newcomer.type(f"{check} --json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    outcomes = Counter(result["outcome"] for result in report["checks"])
    assert outcomes["passed"] >= 25
    assert set(outcomes) <= {"passed", "skipped"}


def test_without_the_extra_the_command_says_what_to_install(newcomer: Newcomer) -> None:
    done = newcomer.type(
        "pip uninstall -q -y typer && common-ml run my-tagger; status=$?; "
        "pip install -q '.[cli]' && exit $status"
    )

    assert done.returncode == 1
    assert done.stderr.startswith(
        "error: typer is not installed; hint: in a clone of common-ml, or with its wheel: "
        "pip install '.[cli]'\n"
    )


def test_nothing_came_from_the_other_project(newcomer: Newcomer) -> None:
    """The public index has an unrelated package of this name."""
    done = newcomer.type("pip show --files common-ml; common-ml --version")

    assert "One Python method in, a running tagger container out." in done.stdout
    assert "common_ml/cli/templates/common/Containerfile.in" in done.stdout


def test_the_new_repos_own_tests_run_in_it(newcomer: Newcomer) -> None:
    """As its README says, but for the libraries that only look at the code."""
    installed = newcomer.type("common-ml init tested && pip install -q pytest")
    assert installed.returncode == 0, installed.stderr

    done = newcomer.type("cd tested && pytest -q --tagger main.py")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout.splitlines()[-1]
