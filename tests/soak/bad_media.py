"""Bad media between good media through one tagger: what became of each file, and how long it took.

python -m tests.soak.bad_media [NUMBER OF CORRUPTIONS, 500 by default]
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.media import bad_media
from tests.tagging.child import Child

if TYPE_CHECKING:
    from collections.abc import Iterable

MAIN = """
from common_ml import FrameModel, FrameTag, catch_errors, run_default

class Sees(FrameModel):
    def tag_frame(self, img):
        return [FrameTag(tag=f"{img.shape[1]}x{img.shape[0]}")]

if __name__ == "__main__":
    with catch_errors():
        run_default(Sees())
"""
MAX_SECONDS = 10
"""Of CPU time that one file may take."""
TRACES = re.compile(r"Traceback|File \"|line \d+, in |0x[0-9a-f]{6,}|\[Errno|\n")
"""What no user is to read."""


@dataclass
class Fates:
    """What became of the files."""

    errors: dict[Path, str] = field(default_factory=dict)
    """Message of the one error line."""
    num_tagged: int = 0
    num_good: int = 0
    slowest: tuple[float, str] = (0.0, "")
    faults: list[str] = field(default_factory=list)
    """What must not happen, in words."""


def run(
    main: Path, bad: Iterable[Path], good: Path, *, may_pass: bool, params: str = "{}"
) -> Fates:
    """Send each bad file to a tagger, and the good one after every fifth; wait for each fate.

    Args:
        main: Where the tagger's program is written.
        bad: The bad files.
        good: The good file.
        may_pass: Whether a bad file may be tagged: damage that nobody can notice.
        params: Further keys in `--params`.
    """
    main.write_text(MAIN)
    fates = Fates()
    keys = '{"continue_on_error": true, "fps": 2' + (", " + params[1:] if params != "{}" else "}")
    with Child(main, params=keys) as tagger:
        expected: Counter[str] | None = None
        for number, path in enumerate(bad):
            _judge(fates, path, _fate(tagger, path, fates), may_pass=may_pass)
            if number % 5 == 4:
                messages = _fate(tagger, good, fates)
                kinds = Counter(message["type"] for message in messages)
                expected = expected or kinds
                fates.num_good += 1
                if kinds != expected or kinds["progress"] != 1 or not kinds["tag"]:
                    fates.faults.append(f"after {path.name} the good file gave {kinds}")
        outcome = tagger.finish()
    if outcome.status != 0 or outcome.messages:
        fates.faults.append(f"the tagger ended with {outcome.status}: {outcome.stderr[-2000:]}")
    return fates


def _fate(tagger: Child, path: Path, fates: Fates) -> list[dict[str, Any]]:
    start = _cpu_seconds(tagger)
    tagger.send(str(path))
    messages = [tagger.next_message()]  # who only waits for ever is ended there, after a minute
    while messages[-1]["type"] == "tag":
        messages.append(tagger.next_message())
    taken = _cpu_seconds(tagger) - start
    fates.slowest = max(fates.slowest, (taken, path.name))
    if taken > MAX_SECONDS:
        fates.faults.append(f"{path.name} took {taken:.1f} s")
    if any(message["data"]["source_media"] != str(path) for message in messages):
        fates.faults.append(f"{path.name} got a message of another file")
    return messages


def _cpu_seconds(tagger: Child) -> float:
    """What the tagger has worked: the time on the wall tells how busy the machine is."""
    fields = Path(f"/proc/{tagger.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _judge(fates: Fates, path: Path, messages: list[dict[str, Any]], *, may_pass: bool) -> None:
    last = messages[-1]
    if last["type"] == "progress":
        fates.num_tagged += 1
        if not may_pass:
            fates.faults.append(f"{path.name} was tagged")
        return
    text = last["data"]["message"]
    fates.errors[path] = text
    if TRACES.search(text) or repr(path.name)[1:-1] not in text or "Error: " not in text:
        fates.faults.append(f"{path.name} has no plain message: {text}")


def main() -> None:
    """Run all, and print what happened."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        bad = bad_media.make_all(directory)
        good = bad_media.good_clip("mp4_index_first", directory / "clips")
        corrupted = [bad_media.corrupted(seed, directory) for seed in range(number)]
        for what, files, may_pass in (("made", list(bad), False), ("corrupted", corrupted, True)):
            start = time.monotonic()
            fates = run(directory / "main.py", files, good, may_pass=may_pass)
            seconds, name = fates.slowest
            print(
                f"{what}: {len(files)} files in {time.monotonic() - start:.0f} s:"
                f" {len(fates.errors)} errors, {fates.num_tagged} tagged all the same;"
                f" {fates.num_good} good files between them;"
                f" slowest {seconds:.2f} s of CPU ({name}); {len(fates.faults)} faults"
            )
            for fault in fates.faults:
                print(f"  {fault}")
            failed = failed or bool(fates.faults)
    sys.exit(failed)


if __name__ == "__main__":
    main()
