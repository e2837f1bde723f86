"""What tests of more than one room share: the repository, and the package as it is shipped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

# `make test-all` asks for the thorough profile, `make soak` for the exploring one. Where CI is set
# the first two take the same examples in every run: what fails there has to fail again, and is not
# to hold up a change that has nothing to do with it. Elsewhere all of them look for new ones.
# No deadline for an example: a machine that is busy with other things is not a failure.
IN_CI = bool(os.environ.get("CI"))
for _profile, _examples in {"quick": 20, "thorough": 100, "explore": 1000}.items():
    settings.register_profile(
        _profile,
        deadline=None,
        derandomize=IN_CI and _profile != "explore",
        max_examples=_examples,
        print_blob=True,
    )
settings.load_profile("quick")

pytest_plugins = ["tests.half_data"]

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option for other versions of Python: see .ci/run."""
    parser.addoption(
        "--one-case",
        action="store_true",
        help="run one case of each parametrised test: the first one",
    )


@pytest.hookimpl(trylast=True)  # after -m and -k: the first of those that are left
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out all cases of a test function but one, where that is asked for."""
    if not config.getoption("--one-case"):
        return
    first: dict[str, pytest.Item] = {}
    for item in items:
        first.setdefault(item.nodeid.partition("[")[0], item)
    kept = {id(item) for item in first.values()}
    config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
    items[:] = first.values()


def pytest_configure() -> None:
    """Restore what a shell took away from a job in the background: SIGINT is ignored there.

    Tests send it to themselves and to programs that they start, which inherit the disposition.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
