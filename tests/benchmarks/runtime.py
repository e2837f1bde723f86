"""The runtime around a tagger: what one small file in flight costs, and what waiting costs.

    python tests/benchmarks/runtime.py [--files 200] [--idle-seconds 5]

Starts a real tagger of a few lines that answers each line at once. Latency: the time from writing a
message to having read it, by the clock in the message itself. A file: the time from `send` to its
`progress`, one file at a time. Idle: CPU time of this process per second of waiting for messages.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from common_ml.runtime import ProcessTagger

MAIN = """
import json, os, sys, time
output = os.open(sys.argv[sys.argv.index("--output-path") + 1],
                 os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
for line in sys.stdin:
    for kind, data in (
        ("tag", {"start_time": time.monotonic_ns() // 1000, "end_time": 2**60, "tag": "now",
                 "source_media": line.rstrip()}),
        ("progress", {"source_media": line.rstrip()}),
    ):
        os.write(output, (json.dumps({"type": kind, "data": data}) + chr(10)).encode())
"""
WARM_UP = 20


def main() -> None:
    options = _options()
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {platform.machine()}")
    with tempfile.TemporaryDirectory() as folder:
        program, picture = Path(folder) / "main.py", Path(folder) / "small.png"
        program.write_text(MAIN)
        picture.write_bytes(b"x" * 1000)
        with ProcessTagger([sys.executable, "-u", str(program)]) as tagger:
            _print_latency(tagger, str(picture), count=options.files)
            _print_idle(tagger, seconds=options.idle_seconds)


def _print_latency(tagger: ProcessTagger, path: str, *, count: int) -> None:
    seen_ms, file_ms = [], []
    messages = tagger.messages()
    for _ in range(WARM_UP + count):
        start = time.perf_counter()
        tagger.send([path])
        tag = next(messages)
        seen_ms.append(time.monotonic_ns() / 1e6 - getattr(tag, "start_time", 0) / 1e3)
        next(messages)  # its progress
        file_ms.append((time.perf_counter() - start) * 1000)
    for what, times in (("message written -> read", seen_ms), ("file sent -> progress", file_ms)):
        warm = sorted(times[WARM_UP:])
        print(
            f"{what}, {count} times: median {statistics.median(warm):.2f} ms, "
            f"95 % below {warm[int(len(warm) * 0.95)]:.2f} ms (to reach: 5 ms)"
        )


def _print_idle(tagger: ProcessTagger, *, seconds: float) -> None:
    threading.Timer(seconds, tagger.close_input).start()
    start, cpu = time.perf_counter(), time.process_time()
    list(tagger.messages())
    elapsed = time.perf_counter() - start
    print(f"waiting: {(time.process_time() - cpu) / elapsed:.3%} of a CPU for {elapsed:.1f} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--idle-seconds", type=float, default=5.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
