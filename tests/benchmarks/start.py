"""CPU time of what is paid at each start: the author's import, the command's help.

    python tests/benchmarks/start.py [--beside FOLDER] [--rounds 7]

`--beside` measures another tree of common-ml in the same rounds, one after the other.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

CASES = {
    "python": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import common_ml": ["-c", "import common_ml"],
    "import common_ml.tagging.run_helpers": ["-c", "import common_ml.tagging.run_helpers"],
    "common-ml --help": ["-m", "common_ml", "--help"],
    "common-ml run --help": ["-m", "common_ml", "run", "--help"],
}


def cpu_seconds(arguments: list[str], tree: Path) -> float:
    """User and system time of one start."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(tree)},
        cwd=tree,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    trees = {"this": Path(__file__).resolve().parents[2]}
    if options.beside is not None:
        trees["beside"] = options.beside.resolve()
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds):
        for case, arguments in CASES.items():
            for name, tree in trees.items():
                times.setdefault((case, name), []).append(cpu_seconds(arguments, tree))
    print(
        f"{'CPU seconds, median of ' + str(options.rounds):44}", *(f"{name:>8}" for name in trees)
    )
    for case in CASES:
        medians = [statistics.median(times[case, name]) for name in trees]
        print(f"{case:44}", *(f"{median:8.3f}" for median in medians))


if __name__ == "__main__":
    main()
