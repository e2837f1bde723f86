"""What tests of more than one room share: the repository, and the package as it is shipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

# No deadline for an example: a machine that is busy with other things is no failure.
settings.register_profile("common-ml", settings.default, deadline=None)
settings.load_profile("common-ml")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup() -> None:
    """Begin a test at ordinary priority, whatever its clips were made with."""
    leave_real_time()


def pytest_runtest_teardown() -> None:
    """Let nothing that is tidied up run at another one."""
    leave_real_time()


def leave_real_time() -> None:
    """Take back what the AV1 encoder did: as root it gives its caller real-time priority.

    With two such test processes on two cores nothing else on the machine runs, and the processes
    that they start inherit it.
    """
    if hasattr(os, "sched_setscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let what a test logged reach the terminal: names of files hold bytes that are no text."""
    report = yield
    report.sections = [(name, _as_text(content)) for name, content in report.sections]
    if report.failed and _as_text(report.longreprtext) != report.longreprtext:
        report.longrepr = _as_text(report.longreprtext)
    return report


def _as_text(content: str) -> str:
    """The same with lone surrogates spelt out, which one process cannot send to another."""
    return content.encode("utf-8", "backslashreplace").decode("utf-8")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree as it stands."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built
