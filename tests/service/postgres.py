"""A PostgreSQL server of the tests' own: a new cluster on loopback, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.requirements import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator


class PostgresServer:
    """A running cluster; its user `tests` needs no password and may create databases."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    def create(self) -> None:
        """Make the files of the cluster."""
        command: list[str | Path] = [
            self._programs / "initdb",
            "-D",
            self._folder / "cluster",
            "-U",
            "tests",
        ]
        command += ["-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
        subprocess.run(command, check=True, capture_output=True, **_as_user(self._folder))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        command: list[str | Path] = [self._programs / "postgres", "-D", self._folder / "cluster"]
        command += ["-p", str(self.port), *options.split()]
        command += ["-c", "max_connections=100", "-c", "fsync=on"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, **_as_user(self._folder)
            )
        ready: list[str | Path] = [
            self._programs / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        while subprocess.run(ready, check=False).returncode:
            if self._process.poll() is not None:
                raise RuntimeError((self._folder / "log").read_text())

    def kill(self) -> None:
        """End all of its processes at once."""
        assert self._process is not None
        # its children notice by themselves that it is gone
        self._process.kill()
        self._process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all of its processes for a while: connections stay open, and nothing answers."""
        assert self._process is not None
        # first the one that starts the others, and that it has stopped, so that none is missed
        frozen = [self._process.pid]
        os.kill(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)
        try:
            for pid in _children_of(self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    frozen.append(pid)
            yield
        finally:
            for pid in reversed(frozen):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown
            self._process.wait()

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://tests@127.0.0.1:{self.port}/{database}"


def _children_of(parent: int) -> list[int]:
    """The processes of which it is the parent; its own list of them may lack some."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(stat.parent.name))
    return found


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A new server, gone afterwards."""
    programs = find_programs()
    if programs is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    # not below pytest's folder, which other users cannot enter
    folder = Path(tempfile.mkdtemp(prefix="common-ml-postgres-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, *_ids())
        server = PostgresServer(programs, folder)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server: PostgresServer) -> str:
    """The address of a new, empty database."""
    import psycopg

    name = f"tests_{uuid.uuid4().hex}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return server.url(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server for all tests of a process."""
    if find_programs() is None:
        lacking("postgres", "PostgreSQL is not installed")
    with running_postgres() as server:
        yield server


def find_programs() -> Path | None:
    """The folder of the newest initdb, which is not on the PATH of Debian."""
    found = shutil.which("initdb")
    if found:
        return Path(os.path.realpath(found)).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


def _ids() -> tuple[int, int]:
    """The user that runs it instead of root, which PostgreSQL refuses."""
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _as_user(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {"cwd": folder}
    user, group = _ids()
    return {"cwd": folder, "user": user, "group": group, "extra_groups": []}
