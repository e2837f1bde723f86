"""100,000 files that are missing, sent at once: CPU time for each, and the memory that stays.

python -m tests.soak.missing_files [NUMBER OF FILES, 100,000 by default]
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.soak.many_files import MAIN, resident_bytes
from tests.tagging.child import Child

MAX_BYTES_PER_FILE = 100


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    num_files: int
    """That have ended."""
    cpu_seconds: float
    """Of the tagger, since it was started."""
    resident_bytes: int


def failed_over(folder: Path, *, num_files: int, num_looks: int = 20) -> list[Progress]:
    """Send so many names at once, and look at the process now and then."""
    main = folder / "main.py"
    main.write_text(MAIN)
    looks: list[Progress] = []
    with Child(main, params='{"continue_on_error": true}') as tagger:
        tagger.send(*(f"media/part_{number:06}.mp4" for number in range(num_files)))
        for number in range(1, num_files + 1):
            message = tagger.next_message()
            assert message["type"] == "error"
            assert message["data"]["source_media"] == f"media/part_{number - 1:06}.mp4"
            if number % (num_files // num_looks) == 0:
                pid = tagger.process.pid
                looks.append(Progress(number, cpu_seconds(pid), resident_bytes(pid)))
        outcome = tagger.finish()
    assert (outcome.status, outcome.messages) == (0, [])
    return looks


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process; seconds on the wall say little on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run it, and print what was measured."""
    num_files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        looks = failed_over(Path(folder), num_files=num_files)
    first, middle, last = looks[1], looks[len(looks) // 2], looks[-1]
    early = (middle.cpu_seconds - first.cpu_seconds) / (middle.num_files - first.num_files)
    late = (last.cpu_seconds - middle.cpu_seconds) / (last.num_files - middle.num_files)
    growth = (last.resident_bytes - middle.resident_bytes) / (last.num_files - middle.num_files)
    print(
        f"{num_files} missing files: {early * 1000:.3f} ms of CPU a file in the first half,"
        f" {late * 1000:.3f} ms in the second; {growth:.0f} bytes a file stay"
    )
    sys.exit(growth >= MAX_BYTES_PER_FILE)


if __name__ == "__main__":
    main()
