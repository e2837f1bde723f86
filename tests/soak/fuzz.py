"""Fuzzing, guided by coverage, of every way in for a stranger's bytes.

python -m tests.soak.fuzz [SECONDS FOR EACH, 600 by default] [TARGET ...]

Needs atheris (`pip install -e .[soak]`). Bytes that end in what they must not are kept in
`.soak/findings`; what was fixed stays as a test in test_fuzz.py.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.util import find_spec
from pathlib import Path

FINDINGS = Path(".soak/findings")
MAX_SECONDS = 60
"""That one input may take, on a machine that does other things, too."""
MAX_MEGABYTES = 3000


def main() -> None:
    """Fuzz one target after the other, each in a process of its own; 1 if anything was found."""
    from tests.soak.fuzz_targets import TARGETS

    if find_spec("atheris") is None:
        sys.exit("fuzzing needs atheris: pip install -e '.[soak]'")
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    FINDINGS.mkdir(parents=True, exist_ok=True)
    num_found = sum(_fuzz_for(seconds, name) for name in sys.argv[2:] or TARGETS)
    sys.exit(num_found > 0)


def _fuzz_for(seconds: int, name: str) -> int:
    """Run a target until its time is up: a crash of the interpreter ends only one round."""
    before = _findings()
    end, cpu = time.monotonic() + seconds, os.times()
    num_runs = 0
    with tempfile.TemporaryDirectory() as folder:
        while (left := round(end - time.monotonic())) > 0:
            command = [sys.executable, "-m", "tests.soak.fuzz", "--round", name, folder, str(left)]
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
            num_runs += _num_runs(done.stderr)
            if done.returncode:
                print(done.stderr[-3000:])
            if num_runs == 0:
                sys.exit(f"{name} cannot be fuzzed")
    found = sorted(_findings() - before)
    print(
        f"{name}: {num_runs} inputs in {seconds} s"
        f" ({os.times().children_user - cpu.children_user:.0f} s of CPU),"
        f" {len(found)} findings",
        *found,
    )
    return len(found)


def _findings() -> set[Path]:
    return {path for path in FINDINGS.iterdir() if path.suffix != ".txt"}


def _num_runs(log: str) -> int:
    """What libFuzzer counted: at the end, or, where it crashed, at its last report."""
    numbers = [line[1:].split()[0] for line in log.splitlines() if line.startswith("#")]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def round_of_fuzzing(name: str, folder: Path, seconds: int) -> None:
    """Fuzz in this process, and end it."""
    import atheris  # type: ignore[import-untyped,unused-ignore] # has no types, and is no must

    with atheris.instrument_imports(include=["common_ml"]):
        from tests.soak.fuzz_targets import TARGETS

    logging.disable()  # a bad file is worth a line in the log, a million are not
    target = TARGETS[name]
    corpus = folder / "corpus"
    if not corpus.exists():
        corpus.mkdir()
        made = folder / "made"
        made.mkdir()
        for number, seed in enumerate(target.seeds(made)):
            (corpus / str(number)).write_bytes(seed)

    def once(data: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as empty:
            try:
                target.check(data, Path(empty))
            except Exception as error:  # noqa: BLE001 - whatever is raised is a finding
                _keep(name, data, error)

    arguments = [
        f"-max_total_time={seconds}",
        f"-max_len={target.max_bytes}",
        f"-timeout={MAX_SECONDS}",
        f"-report_slow_units={MAX_SECONDS}",
        f"-rss_limit_mb={MAX_MEGABYTES}",
        f"-artifact_prefix={FINDINGS}/{name}-",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()


def _keep(name: str, data: bytes, error: Exception) -> None:
    """Save the bytes, once for each place in the code that raised."""
    places = [f"{at.filename}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)]
    what = hashlib.sha256(" ".join([type(error).__name__, *places]).encode()).hexdigest()[:12]
    path = FINDINGS / f"{name}-{what}"
    if not path.exists():
        path.write_bytes(data)
        path.with_name(f"{path.name}.txt").write_text("".join(traceback.format_exception(error)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--round"]:
        round_of_fuzzing(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
