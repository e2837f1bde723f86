"""Fork a process for each Python program that is asked for: `python -m tests.fork_server SOCKET`.

The socket brings lines of JSON with three descriptors each: standard input, output and error. It is
answered with the exit status. See `tests/python_program.py`.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from importlib import import_module
from typing import Any, NoReturn

PRELOADED = (
    "av",
    "cv2",
    "duckdb",
    "numpy",
    "orjson",
    "pydantic",
    "common_ml.cli.app",
    "common_ml.data.dataset",
    "common_ml.data.formats",
    "common_ml.media.decode",
    "common_ml.runtime.conformance",
    "common_ml.tagging.run_helpers",
    "common_ml.tagging.params.validation",
)
MAX_REQUEST_BYTES = 1 << 20


def main() -> None:
    """Serve until the socket is closed; in a fork, run its program and end as it does."""
    for name in PRELOADED:
        import_module(name)
    gc.collect()
    gc.freeze()  # what is shared stays shared: a collection would touch all of it
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        request, descriptors = _next_program(connection)
    for standard, given in enumerate(descriptors):
        os.dup2(given, standard)
        os.close(given)
    sys.path[1:1] = [
        folder
        for folder in request["environment"].get("PYTHONPATH", "").split(os.pathsep)
        if folder and folder not in sys.path
    ]
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    _end(_status_of(request["arguments"]))


def _next_program(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return in a new process, with what it is to run; this one does not return from here."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, 3)
        if not data:
            sys.exit()
        while not data.endswith(b"\n"):
            data += connection.recv(MAX_REQUEST_BYTES)
        process = os.fork()
        if process == 0:
            return json.loads(data), descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(process, 0)
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def _status_of(arguments: list[str]) -> int:
    """Do what `python ARGUMENTS` does; return the exit status."""
    try:
        _run(arguments)
    except SystemExit as end:
        if isinstance(end.code, int):
            return end.code
        if end.code is not None:
            sys.stderr.write(f"{end.code}\n")
        return int(end.code is not None)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except BaseException:  # noqa: BLE001 - as at the end of an interpreter
        traceback.print_exc()
        return 1
    return 0


def _end(status: int) -> NoReturn:
    """End as an interpreter does, but without taking down its modules, which takes most time."""
    threading._shutdown()  # type: ignore[attr-defined]  # it waits for threads; multiprocessing does so, too
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def _run(arguments: list[str]) -> None:
    first, *rest = arguments
    if first == "-m":
        sys.argv = rest
        sys.path[0] = os.getcwd()
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[0] = ""
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102 - so
    else:
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.realpath(first))
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
