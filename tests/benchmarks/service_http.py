"""The prediction service over HTTP: a large upload, small ones, pages of results.

    python -m tests.benchmarks.service_http [--quick]

The server is a process of its own; CPU seconds and memory are the server's, as the system counts
them. Results: pages of 15 by `POST /model/search`, asked for by 16 connections at once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.service.core import open_core
from common_ml.service.settings import Settings
from tests.benchmarks.service import CHUNK, add
from tests.service.cores import make_user, offer
from tests.service.serving import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

MIB = 1 << 20
CONNECTIONS = 16
PAGES_EACH = 8
PER_POST = 50
WORDS = ("red", "green", "blue")


def cpu_seconds(pid: int) -> float:
    """What a process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    """The most memory that a process has held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no VmHWM in /proc/{pid}/status")


def noise(size: int) -> Iterator[bytes]:
    """Bytes that are no other upload's, made while they are sent."""
    block = os.urandom(MIB)
    for number in range(size // MIB):
        yield number.to_bytes(8, "big") + block[8:]


def large(client: httpx.Client, pid: int, size: int) -> None:
    """One upload by tus."""
    tus = {"tus-resumable": "1.0.0"}
    made = client.post("/v1/uploads", headers={**tus, "upload-length": str(size)})
    memory, used, started = peak_mib(pid), cpu_seconds(pid), time.perf_counter()
    client.patch(
        made.raise_for_status().headers["location"],
        content=noise(size),
        headers={**tus, "upload-offset": "0", "content-type": "application/offset+octet-stream"},
    ).raise_for_status()
    seconds = time.perf_counter() - started
    print(
        f"upload of {size // MIB} MiB: {seconds:.1f} s, {cpu_seconds(pid) - used:.2f} CPU s, "
        f"peak of memory {memory:.0f} -> {peak_mib(pid):.0f} MiB"
    )


def small(client: httpx.Client, pid: int, number: int) -> None:
    """Files of 20 bytes, many in a post."""
    used, started = cpu_seconds(pid), time.perf_counter()
    for first in range(0, number, PER_POST):
        files = [("files", (f"{n}.txt", b"%020d" % n)) for n in range(first, first + PER_POST)]
        client.post("/v1/files", files=files).raise_for_status()
    seconds = time.perf_counter() - started
    print(
        f"small files, {PER_POST} in a post: {number / seconds:.0f} a second, "
        f"{(cpu_seconds(pid) - used) / number * 1000:.1f} CPU ms each"
    )


def fill(folder: Path, number: int) -> None:
    """A service with files that have one label each."""
    with open_core(Settings(folder)) as core:
        actor = make_user(core, "admin", "admin")
        offer(core)
        for start in range(1, number + 1, CHUNK):
            labels = {n: {WORDS[n % len(WORDS)]} for n in range(start, start + CHUNK)}
            core.database.write(partial(add, labels=labels, user_id=actor.user_id))


def results(clients: list[httpx.Client], pid: int, number: int) -> None:
    """Pages of 15, by all connections at once."""
    times: list[float] = []
    wanted: dict[str, Any] = {"search_filter": {"ocr": ["green"]}}

    def read(client: httpx.Client) -> None:
        for page in range(1, PAGES_EACH + 1):
            started = time.perf_counter()
            answer = client.post("/model/search", params={"page_id": page}, json=wanted)
            times.append(time.perf_counter() - started)
            assert answer.raise_for_status().json()["page_size"] == 15

    used, started = cpu_seconds(pid), time.perf_counter()
    threads = [threading.Thread(target=read, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    assert len(times) == len(clients) * PAGES_EACH
    print(
        f"15 results of {number:,} files, {len(clients)} connections: {len(times) / seconds:.0f} "
        f"pages a second, median {statistics.median(times) * 1000:.0f} ms, "
        f"{(cpu_seconds(pid) - used) / len(times) * 1000:.1f} CPU ms each"
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    scale = 10 if parser.parse_args().quick else 1
    with tempfile.TemporaryDirectory() as name:
        folder, number = Path(name), 100_000 // scale
        fill(folder / "service", number)
        with serve("--workers", "0", folder=folder) as served:
            pid = served.process.pid
            clients = [served.client() for _ in range(CONNECTIONS)]
            large(clients[0], pid, 1024 * MIB // scale // MIB * MIB)
            small(clients[0], pid, 2_000 // scale)
            results(clients, pid, number)
            served.stop()


if __name__ == "__main__":
    main()
