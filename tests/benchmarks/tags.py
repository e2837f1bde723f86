"""What a dataset costs: ten million tags opened and counted, queried, and looked at.

    python -m tests.benchmarks.tags --tags 10000000

The tags are made (10,000 videos of 1,000 frames each, 100 labels, one of them rare). Every
measurement is a process of its own; a second one measures memory as the system sees it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TAGS_PER_MEDIA = 1000
AIMS = {"open and count": "10 s, 1000 MB", "slice of 1 %": "2 s"}
RARE = "rare"
"""A label of one record in a hundred."""

MAKE = """
COPY (
  SELECT '{{"type":"tag","data":{{"start_time":' || (i % {per}) * 40
      || ',"end_time":' || (i % {per}) * 40
      || ',"tag":"' || CASE WHEN i % {per} = 7 AND (i // {per}) % 100 = 0 THEN '{rare}'
                            ELSE 'label ' || hash(i) % 100 END
      || '","source_media":"media/part_' || lpad((i // {per})::VARCHAR, 6, '0') || '.mp4"'
      || ',"track":"","additional_info":{{"confidence":' || hash(i + 7) % 1000 / 1000
      || '}},"frame_info":{{"frame_idx":' || i % {per}
      || ',"box":{{"x1":0.1234,"y1":0.25,"x2":0.5678,"y2":0.75}}}}}}}}'
  FROM range({tags}) AS made(i)
) TO '{path}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')
"""


def make(path: Path, tags: int) -> None:
    """Writes the tags file."""
    import duckdb

    with duckdb.connect(":memory:", config={"memory_limit": "1GB"}) as connection:
        connection.execute(MAKE.format(per=TAGS_PER_MEDIA, tags=tags, path=path, rare=RARE))


def measure(path: Path) -> None:
    """Opens, counts, queries and looks; a line for each."""
    from common_ml.data.dataset import Dataset

    clock = Clock()
    dataset = Dataset.open(path)
    count = len(dataset)
    clock.tell("open and count", f"{count} records")
    cases = {
        "slice of 1 %": f"labels.{RARE} > 0",
        "slice by two labels": 'labels."label 3" > 15 and labels."label 4" < 5',
        "slice by confidence": f"label = '{RARE}' and confidence > 0.5",
        "slice by confidence, all rows": "confidence > 0.9985 and start_time = 4000",
        "slice by file": "file.path like '%7.mp4'",
    }
    for name, query in cases.items():
        found = dataset.slice(query)
        clock.tell(name, f"{len(found)} records")
    places = [count * share // 100 for share in (3, 97, 50, 11, 73)]
    num_tags = sum(len(dataset[place].record.annotations) for place in places)
    clock.tell("5 records at random", f"{num_tags} tags")
    seen = sum(len(record.annotations) for record in dataset[: count // 100].records())
    clock.tell("1 % of the records in order", f"{seen} tags")
    dataset.labels  # noqa: B018 - it is counted at its first use
    clock.tell("labels")


class Clock:
    """Seconds on the clock and of the CPUs since the last line, and memory so far."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def tell(self, name: str, what: str = "") -> None:
        """Prints a line."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        aim = f"  (aim {AIMS[name]})" if name in AIMS else ""
        print(f"{name:32}{wall:8.2f} s{cpu:8.2f} s CPU{megabytes:8.0f} MB  {what}{aim}", flush=True)
        self._start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", type=Path, help="a tags file to keep, made if it is not there")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or Path(folder) / "tags.jsonl"
        if not path.exists():
            make(path, options.tags)
        size = path.stat().st_size / 1e6
        for number in range(options.rounds):
            load = os.getloadavg()[0]
            print(f"\nround {number + 1}: {size:.0f} MB of tags, load {load:.1f}", flush=True)
            subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.tags", "--measure", str(path)], check=True
            )


if __name__ == "__main__":
    main()
