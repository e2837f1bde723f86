"""Time, CPU time and peak memory of a program with all processes that it starts."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MARK = "COMMON_ML_BENCHMARK"
"""Environment variable that all of them inherit: daemons leave the tree, but keep it."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a program took, from its start to its end."""

    seconds: float
    cpu_seconds: float
    """Of all processes, each as it was last seen: 0.05 s of each may be missing."""
    peak_mib: float
    """Largest sum of their memory at one time; pages that n of them share count 1/n in each."""
    num_processes: int
    """Most at one time."""
    status: int
    output: str
    """Stdout and stderr."""


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    with_memory: bool = False,
) -> Usage:
    """Run a program to its end.

    Args:
        command: Program and arguments.
        cwd: Its working directory.
        environment: Added to this program's.
        with_memory: Whether to look at the memory, which slows the processes down a little.
    """
    mark = uuid.uuid4().hex
    watch = _Watch(mark, with_memory=with_memory)
    started = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        with subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {}), MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as process:
            thread = threading.Thread(target=watch.look_until_stopped)
            thread.start()
            status = process.wait()
        seconds = time.perf_counter() - started
        watch.stop.set()
        thread.join()
        log.seek(0)
        output = log.read().decode(errors="replace")
    return Usage(
        seconds,
        sum(watch.cpu_seconds.values()),
        watch.peak_bytes / 2**20,
        watch.num_processes,
        status,
        output,
    )


def marked(mark: str) -> Iterator[int]:
    """Yield the processes that have inherited a mark."""
    wanted = f"{MARK}={mark}".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                environment = Path(entry.path, "environ").read_bytes()
            except OSError:  # it has ended
                continue
            if wanted in environment.split(b"\0"):
                yield int(entry.name)


def cpu_seconds_of(pid: int) -> tuple[int, float] | None:
    """Return when a process started, in ticks, and its CPU seconds; None if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    user, system, start = (int(fields[number]) for number in (11, 12, 19))
    return start, (user + system) / _TICKS


@dataclass
class _Watch:
    mark: str
    with_memory: bool
    cpu_seconds: dict[tuple[int, int], float] = field(default_factory=dict)
    """(process, its start) -> CPU seconds: numbers of processes are used again."""
    peak_bytes: int = 0
    num_processes: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def look_until_stopped(self) -> None:
        while not self.stop.wait(0.2 if self.with_memory else 0.05):
            pids = list(marked(self.mark))
            self.num_processes = max(self.num_processes, len(pids))
            for pid in pids:
                self._note_cpu(pid)
            if self.with_memory:
                self.peak_bytes = max(self.peak_bytes, sum(map(_memory_bytes, pids)))

    def _note_cpu(self, pid: int) -> None:
        found = cpu_seconds_of(pid)
        if found is not None:
            start, seconds = found
            self.cpu_seconds[pid, start] = seconds


def _memory_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    line = next((line for line in lines if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * 1024
