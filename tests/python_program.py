"""Run Python programs to their end, as processes of their own that start in milliseconds.

A new interpreter takes half a second to load numpy, PyAV, pydantic and the command line, in
hundreds of tests. `run_python` has them loaded once, by a server (`tests/fork_server.py`) that
forks for each program. What a program does and how it ends is the same; what it loads, and in
which order, is not: tests of that start their own interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).resolve().parent.parent


def run_python(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENTS` to its end; its output is kept.

    Args:
        arguments: `-m MODULE`, `-c CODE` or a file, and what follows.
        cwd: Its working directory; by default that of the tests.
        env: Variables beside those of the tests.
        stdin: What it reads from its standard input.
    """
    command = [os.fspath(argument) for argument in arguments]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin.encode("utf-8", "surrogateescape"))
        files[0].seek(0)
        status = _server().run(
            {
                "arguments": command,
                "cwd": os.fspath(cwd or Path.cwd()),
                "environment": {**os.environ, **(env or {})},
            },
            [file.fileno() for file in files],
        )
        for file in files:
            file.seek(0)
        printed, said = (file.read().decode("utf-8", "surrogateescape") for file in files[1:])
    return subprocess.CompletedProcess([sys.executable, *command], status, printed, said)


class _Server:
    """The server, and the other end of its socket; it ends when that is closed."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # threads of libraries would be lost in a fork
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
        self._answers = self._socket.makefile("rb")
        atexit.register(self.close)

    def close(self) -> None:
        self._answers.close()
        self._socket.close()
        self._process.wait()

    def run(self, request: Mapping[str, object], descriptors: list[int]) -> int:
        line = json.dumps(request).encode("ascii") + b"\n"
        sent = socket.send_fds(self._socket, [line], descriptors)
        self._socket.sendall(line[sent:])
        answer = self._answers.readline()
        if not answer:
            raise RuntimeError("the fork server has ended")
        return int(answer)


@cache
def _server() -> _Server:
    return _Server()
