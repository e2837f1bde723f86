"""`common-ml` as a child process, as a user at a prompt starts it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.python_program import run_python

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "common_ml"]


def common_ml(*arguments: str, cwd: Path, columns: int = 100) -> subprocess.CompletedProcess[str]:
    """Run it to its end, without a terminal."""
    return run_python("-m", "common_ml", *arguments, cwd=cwd, env={"COLUMNS": str(columns)})


def on_a_terminal(*arguments: str, cwd: Path, columns: int = 80) -> str:
    """Run it to its end on a terminal; what that shows, without colours."""
    ours, its = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        env={**environment, "COLUMNS": str(columns), "TERM": "xterm"},
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    shown = b""
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
    os.close(ours)
    process.wait()
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    return text.replace("\r\n", "\n")
