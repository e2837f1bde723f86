"""Programs in forks of the server do what programs of a new interpreter do."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.python_program import run_python

if TYPE_CHECKING:
    from pathlib import Path

SHOWS = "import os, sys; print(sys.argv, os.getcwd(), sys.stdin.read(), __name__)"


def run_anew(*arguments: str, cwd: Path, stdin: str) -> subprocess.CompletedProcess[str]:
    """The same in a new interpreter."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "code",
    [
        SHOWS,
        "import sys; sys.exit('no')",
        "import sys; sys.exit(3)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os; os._exit(5)",
        "import atexit; atexit.register(print, 'at the end'); print('first', flush=False)",
        "import threading; threading.Timer(0.01, print, ['from a thread']).start()",
        "from pathlib import Path; import helper; print(helper.VALUE)",
    ],
)
def test_status_and_output_are_those_of_a_new_interpreter(tmp_path: Path, code: str) -> None:
    (tmp_path / "helper.py").write_text("VALUE = 7\n")
    (tmp_path / "main.py").write_text(code)
    for arguments in (("-c", code, "a", "b"), ("main.py", "a", "b"), ("-m", "main", "a")):
        forked = run_python(*arguments, cwd=tmp_path, stdin="line\n")
        anew = run_anew(*arguments, cwd=tmp_path, stdin="line\n")

        assert forked.returncode == anew.returncode
        assert (forked.stdout, forked.stderr) == (anew.stdout, anew.stderr)


def test_an_uncaught_exception_is_status_1_with_its_traceback(tmp_path: Path) -> None:
    done = run_python("-c", "1 / 0", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_a_program_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    run_python("-c", "import os, sys; os.environ['LEFT'] = '1'; sys.LEFT = 1", cwd=tmp_path)
    code = "import os, sys; print(os.environ.get('LEFT'), hasattr(sys, 'LEFT'))"

    assert run_python("-c", code, cwd=tmp_path, env={"OTHER": "1"}).stdout == "None False\n"
